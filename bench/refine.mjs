// What does an epoch of each student cost on SciFact, how much of a training step is the loss, and what did an epoch cost in another build?
// OLD-BUILD is a folder with the other build's dist and addon.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { prepare } from '../dist/index.mjs';
import { leastMean, makeBatch, report, round } from './lib/harness.mjs';

const { positionals } = parseArgs({ options: { json: { type: 'string' } }, allowPositionals: true });
const scifact = fileURLToPath(new URL('../../shared/data/scifact/', import.meta.url));
if (!existsSync(scifact)) {
  console.log(`no SciFact at ${scifact}: nothing measured`);
  process.exit(0);
}
const [BATCH, DOCS, EPOCHS] = [16, 33, 4];

/** A build's modules and the collection as they read it. */
async function open(folder) {
  const require = createRequire(resolve(folder, 'package.json'));
  const part = (name) => require(resolve(folder, 'dist/lab', name));
  const { draw, shorten } = part('experiment/shorten.js');
  const { makeStudent, negativesOf } = part('students/students.js');
  const { distil } = part('training/distil.js');
  const collection = await part('students/words/bags.js').loadCollection(
    `${scifact}beir`,
    `${scifact}teacher_e5/E5_Results.txt.gz`,
  );
  const lists = part('training/split.js').splitLists(collection, 1);
  return { draw, shorten, makeStudent, negativesOf, distil, collection, ...lists };
}

const builds = [await open(fileURLToPath(new URL('..', import.meta.url)))];
if (positionals.length > 0) builds.push(await open(resolve(positionals[0])));
const steps = Math.ceil(builds[0].train.length / BATCH);

const shape = [BATCH, DOCS];
const batch = makeBatch(...shape);
const ckl = prepare('ckl', { shape });
const lossMs = leastMean(() => ckl.run(batch), 200) / 1e6;

/** The minimum wall and processor seconds of an epoch, without the first one, and the parameters at the end. */
async function train(build, student) {
  const { collection, train, dev, qrels, shorten, draw, makeStudent, negativesOf, distil } = build;
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
  const bits = Object.values(model.parameters).map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  return { wall: Math.min(...wall), cpu: Math.min(...cpu), bits: Buffer.concat(bits) };
}

const rows = [];
for (const student of ['dense', 'multi', 'sparse']) {
  const found = builds.map(() => ({ wall: Infinity, cpu: Infinity }));
  // In turns, because other load on the machine changes with time.
  for (let turn = 0; turn < 2 * builds.length; turn++) {
    const best = found[turn % builds.length];
    const { wall, cpu, bits } = await train(builds[turn % builds.length], student);
    Object.assign(best, { wall: Math.min(best.wall, wall), cpu: Math.min(best.cpu, cpu), bits });
  }
  const [ours, other] = found;
  rows.push({
    student,
    'epoch, s': round(ours.wall),
    'epoch, CPU s': round(ours.cpu),
    ...(other && {
      'of the other build': round(other.cpu),
      ratio: round(ours.cpu / other.cpu),
      'same bits': ours.bits.equals(other.bits),
    }),
    'step, ms': round((1e3 * ours.wall) / steps, 1),
    'loss of a step, ms': round(lossMs),
    'loss, % of a step': round((100 * lossMs) / ((1e3 * ours.wall) / steps), 2),
  });
}
report(
  `an epoch of ${builds[0].train.length} lists of ${DOCS} documents, with ranks refreshed and dev measured`,
  rows,
);
