// When a training saves its position, and what a training that goes on from there reports.
import { expect, it } from 'vitest';
import { InBatch } from '../../../../lib/lab/training/in-batch';
import { Microbatches } from '../../../../lib/lab/training/microbatches';
import {
  distil,
  type DistilOptions,
  type Hooks,
  type NamedParameters,
  type Position,
  type Progress,
} from '../../../../lib/lab/training/distil';
import { judgementsOf, listOf, positiveAt, RecordingStudent } from './recording';

/** Ten lists make five batches of two. */
const TRAIN = Array.from({ length: 10 }, (_, q) => listOf(`t${q}`, [3, 1, 2, q]));
const DEV = [listOf('dev', [3, 2, 1])];
const OPTIONS: DistilOptions = {
  loss: 'kl',
  teacherTemperature: 1,
  epochs: 3,
  batch: 2,
  learningRate: 0.1,
  patience: 9,
  refreshRanks: 0,
  seed: 1,
};
const run = (hooks: Hooks) =>
  distil(
    new RecordingStudent(positiveAt(() => 2)),
    { train: TRAIN, dev: DEV, qrels: judgementsOf(DEV) },
    OPTIONS,
    hooks,
  );

async function positions(every: number) {
  const saved: { position: Position; best: NamedParameters }[] = [];
  const save = async (position: Position, best: NamedParameters) => {
    saved.push(structuredClone({ position, best }));
  };
  await run({ checkpoint: { every, save } });
  return saved;
}

it('saves after every so many batches, counted over all epochs, and after each epoch, once where both fall together', async () => {
  const saved = await positions(3);
  expect(saved.map(({ position: { epoch, batch } }) => [epoch, batch])).toEqual([
    [1, 3],
    [2, 0],
    [2, 1],
    [2, 4],
    [3, 0],
    [3, 2],
    [4, 0],
  ]);
});

it('estimates what is left from the batches since it went on, and counts steps from the beginning', async () => {
  for (const { position, best } of await positions(1)) {
    const progress: Progress[] = [];
    await run({ resume: { position, best }, onProgress: (p) => progress.push(p) });
    const before = (position.epoch - 1) * 5 + position.batch;
    expect(progress.map(({ step }) => step)).toEqual(
      Array.from({ length: 15 - before }, (_, i) => before + i + 1),
    );
    progress.forEach(({ queriesPerSecond, secondsLeft }, i) => {
      const elapsed = (2 * (i + 1)) / queriesPerSecond;
      expect(secondsLeft / elapsed).toBeCloseTo((15 - before - i - 1) / (i + 1), 6);
    });
  }
});

it('frees what in-batch negatives hold, after which they run no more', () => {
  const inBatch = new InBatch({ weight: 1, lists: (batch) => [...batch] }, [2, 1]);
  const student = new RecordingStudent(positiveAt(() => 2));
  const parts = new Microbatches(student, 1);
  const lists = TRAIN.slice(0, 2).map((list) => ({ ...list, ...listOf(list.qid, [1, 0]) }));
  expect(inBatch.run(lists, parts)).toBeGreaterThan(0);
  inBatch[Symbol.dispose]();
  expect(() => inBatch.run(lists, parts)).toThrow(/dispos/);
});
