// Checkpoints of an experiment, damaged: bits flipped, cut off, records left out, repeated, exchanged or mixed with another run's. A
// checkpoint is refused with a CheckpointError, or holds what was written, as far as it goes, and a run from it ends with the same numbers.
import { deepStrictEqual } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareLosses } from '../../lib/lab/compare/compare';
import type { CompareOptions } from '../../lib/lab/compare/options';
import { Checkpoint } from '../../lib/lab/experiment/checkpoint';
import { CheckpointError } from '../../lib/lab/experiment/checkpoint-error';
import { MAGIC, readRecords } from '../../lib/lab/experiment/checkpoint-file';
import { OPTIONS } from '../js/lab/report/small';
import { campaign, check } from './campaign';
import type { Random } from './random';

const dir = mkdtempSync(join(tmpdir(), 'ckl-loss-fuzz-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

// The bundle lies as if in dist/.
const sample = join(__dirname, '../examples/sample');
const options: CompareOptions = {
  ...OPTIONS,
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  zeroShot: [],
  students: ['multi'],
  recipes: OPTIONS.recipes.filter(({ name }) => name !== 'kl+ckl'),
  epochs: 1,
};

const open = async (file: string, of: object = options) =>
  (await Checkpoint.open({ checkpoint: file, checkpointEvery: 1 }, { command: 'compare', options: of }))!;

interface Made {
  bytes: Buffer;
  done: Checkpoint['done'];
  standing: Checkpoint['standing'];
}

/** The checkpoint of a run that was stopped within a training. */
async function interrupted(name: string, seed: number): Promise<Made> {
  const file = join(dir, name);
  const of = { ...options, seed };
  const stop = new AbortController();
  const checkpoint = await open(file, of);
  let saves = 0;
  const save = checkpoint.save.bind(checkpoint);
  // The third batch after the fourth training.
  checkpoint.save = async (place, snapshot) => {
    await save(place, snapshot);
    if (place >= 4 && ++saves === 3) stop.abort(new Error('stopped'));
  };
  const outcome = await compareLosses(of, 1, { checkpoint, savesUnits: true, signal: stop.signal }).catch(
    String,
  );
  check(
    outcome === 'Error: stopped',
    `the run was not stopped: ${JSON.stringify(outcome).slice(0, 200)}, ${saves}`,
  );
  await checkpoint.close();
  const bytes = readFileSync(file);
  const written = await open(file, of);
  const { done, standing } = written;
  await written.close();
  check(done.size > 2 && standing !== undefined, 'too little was done');
  return { bytes, done, standing };
}

/** The head of the file and its records. */
function partsOf(bytes: Buffer): Buffer[] {
  return [Buffer.from(MAGIC), ...[...readRecords(bytes)].map((record) => record.bytes)];
}

function damage(random: Random, { bytes }: Made, other: Made): Buffer {
  const at = () => random.below(bytes.length);
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2: {
      const flipped = Buffer.from(bytes);
      for (let k = random.pick([1, 1, 1, 2, 5]); k > 0; k--) flipped[at()] ^= 1 << random.below(8);
      return flipped;
    }
    case 3:
      return bytes.subarray(0, at());
    case 4: {
      const from = at();
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(200))]);
    }
    case 5: {
      const from = at();
      const piece = Uint8Array.from({ length: 1 + random.below(20) }, () => random.below(256));
      return Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(from)]);
    }
    case 6: {
      const parts = partsOf(bytes);
      const [i, j] = [1 + random.below(parts.length - 1), 1 + random.below(parts.length - 1)];
      const way = random.below(3);
      if (way === 0) [parts[i], parts[j]] = [parts[j], parts[i]];
      if (way === 1) parts.splice(i, 1);
      if (way === 2) parts.splice(i, 0, parts[j]);
      return Buffer.concat(parts);
    }
    default: {
      const from = at();
      return Buffer.concat([bytes.subarray(0, from), other.bytes.subarray(from)]);
    }
  }
}

async function main(): Promise<void> {
  const made = await interrupted('whole', 1);
  const other = await interrupted('other', 2);
  const numbers = await compareLosses(options);
  let resumed = 0;
  await campaign('checkpoints', async (random, number) => {
    const file = join(dir, `case${number % 8}`);
    const bytes = damage(random, made, other);
    writeFileSync(file, bytes);
    let checkpoint: Checkpoint;
    try {
      checkpoint = await open(file);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      check(readFileSync(file).equals(bytes), 'a checkpoint that was refused has changed');
      return;
    }
    try {
      for (const [place, result] of checkpoint.done) deepStrictEqual(result, made.done.get(place));
      if (checkpoint.standing) deepStrictEqual(checkpoint.standing, made.standing);
      if (!random.chance(0.1) && resumed > 0) return;
      resumed++;
      const end = await compareLosses(options, 1, { checkpoint, savesUnits: true });
      deepStrictEqual(JSON.parse(JSON.stringify(end)), JSON.parse(JSON.stringify(numbers)));
    } finally {
      await checkpoint.close();
    }
  });
  process.stdout.write(`${resumed} runs went on from a checkpoint\n`);
}

void main();
