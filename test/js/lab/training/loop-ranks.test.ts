// The ranks that CKL takes its bias from in a training, seen through the recording student: when they are refreshed, and from which lists.
import { describe, expect, it } from 'vitest';
import { ckl, ranks } from '../../../../lib/index';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import { BATCHES, batchOf, DATA, EPOCHS, expectGradient, run, scatter, TRAIN } from './recorded-run';
import type { RecordingStudent } from './recording';

describe('the ranks behind beta', () => {
  const withRanks = (
    batch: { list: CandidateList; scores: number[] }[],
    of: RecordingStudent,
    version: number,
  ) => {
    const { student, teacher, labels, offsets } = batchOf(batch);
    const held = batchOf(
      batch.map(({ list }) => ({
        list,
        scores: list.docids.map((_, d) => Math.fround(of.factor * scatter(list, d, version))),
      })),
    );
    const given = Float32Array.from(ranks({ student: held.student, offsets }));
    // A small gamma: beta moves the gradient of every negative.
    return ckl({ student, teacher, labels, offsets, ranks: given }, { teacherTemperature: 2, gamma: 2 })
      .grad as Float32Array;
  };
  const agree = (batch: { grad: number[] }[], expected: ArrayLike<number>) =>
    batch.flatMap(({ grad }) => grad).every((g, i) => Math.abs(g - expected[i]) < 1e-9);

  it.each([1, 2, 4, 5])(
    'are made new before every %i batches, from the weights of that moment',
    async (refreshRanks) => {
      const { of } = await run({ loss: 'ckl', gamma: 2, refreshRanks });
      of.batches.forEach((batch, step) => {
        const refreshed = step - (step % refreshRanks);
        expect(agree(batch, withRanks(batch, of, refreshed)), `batch ${step}`).toBe(true);
        // Not those of a batch before or after.
        for (const other of [refreshed - 1, refreshed + 1])
          if (other >= 0)
            expect(agree(batch, withRanks(batch, of, other)), `batch ${step}, ${other}`).toBe(false);
      });
      // Every ranked list is scored for it, and at no other time.
      const looks = of.of('score').filter(({ list }) => list === TRAIN[2]);
      const training = of.of('backward').filter(({ list }) => list === TRAIN[2]);
      expect(looks.length - training.length - 1).toBe(Math.ceil((EPOCHS * BATCHES) / refreshRanks));
    },
  );

  it('come from the lists that are to be ranked, where these are others than the training lists', async () => {
    // Only the first ten documents: the others rank as the depth and one says.
    const ranked = TRAIN.map((list) => ({
      ...list,
      docids: list.docids.slice(0, 10),
      teacher: list.teacher.slice(0, 10),
      labels: list.labels.slice(0, 10),
    }));
    const { of } = await run({ loss: 'ckl', refreshRanks: 3 }, { data: { ...DATA, ranked } });
    for (const list of ranked) expect(of.of('score').filter((event) => event.list === list)).toHaveLength(4);
    for (const batch of of.batches) for (const { list } of batch) expect(ranked).not.toContain(list);
  });

  it('are those of the batch itself without a refresh', async () => {
    const { of } = await run({ loss: 'ckl', refreshRanks: 0 });
    for (const batch of of.batches)
      expectGradient(batch, ckl(batchOf(batch), { teacherTemperature: 2 }).grad);
  });
});
