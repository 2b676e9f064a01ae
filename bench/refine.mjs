// What does an epoch of each student cost on SciFact, and how much of a training step is the loss?
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { prepare } from '../dist/index.mjs';
import { leastMean, makeBatch, report, round } from './lib/harness.mjs';

const require = createRequire(import.meta.url);
const { loadCollection } = require('../dist/lab/students/words/bags.js');
const { draw, shorten } = require('../dist/lab/experiment/shorten.js');
const { makeStudent, negativesOf } = require('../dist/lab/students/students.js');
const { distil } = require('../dist/lab/training/distil.js');
const { splitLists } = require('../dist/lab/training/split.js');

const scifact = fileURLToPath(new URL('../../shared/data/scifact/', import.meta.url));
if (!existsSync(scifact)) {
  console.log(`no SciFact at ${scifact}: nothing measured`);
  process.exit(0);
}
const [BATCH, DOCS, EPOCHS] = [16, 33, 4];
const collection = await loadCollection(`${scifact}beir`, `${scifact}teacher_e5/E5_Results.txt.gz`);
const { train, dev, qrels } = splitLists(collection, 1);
const steps = Math.ceil(train.length / BATCH);

const shape = [BATCH, DOCS];
const batch = makeBatch(...shape);
const ckl = prepare('ckl', { shape });
const lossMs = leastMean(() => ckl.run(batch), 200) / 1e6;

const rows = [];
for (const student of ['dense', 'multi', 'sparse']) {
  const model = makeStudent(collection, collection.vocabulary, { student, width: 128, seed: 1 }).parts[0]
    .student;
  const drawn = negativesOf(student) === 'drawn';
  const [wall, cpu] = [[], []];
  let [clock, used] = [0, 0];
  const lap = () => {
    const { user, system } = process.cpuUsage();
    const now = performance.now();
    if (clock > 0) {
      wall.push((now - clock) / 1e3);
      cpu.push((user + system - used) / 1e6);
    }
    [clock, used] = [now, user + system];
  };
  await distil(
    model,
    {
      train: drawn ? train : train.map((list) => shorten(list, DOCS)),
      dev,
      qrels,
      sample: drawn ? (list, random) => draw(list, DOCS, random) : undefined,
    },
    {
      loss: 'ckl',
      teacherTemperature: 0.015,
      refreshRanks: steps,
      epochs: EPOCHS,
      batch: BATCH,
      learningRate: 0.003,
      patience: EPOCHS,
      seed: 1,
    },
    { onEpoch: lap },
  );
  const epoch = Math.min(...wall);
  rows.push({
    student,
    'epoch, s': round(epoch),
    'epoch, CPU s': round(Math.min(...cpu)),
    'step, ms': round((1e3 * epoch) / steps, 1),
    'loss of a step, ms': round(lossMs),
    'loss, % of a step': round((100 * lossMs) / ((1e3 * epoch) / steps), 2),
  });
}
report(`an epoch of ${train.length} lists of ${DOCS} documents, with ranks refreshed and dev measured`, rows);
