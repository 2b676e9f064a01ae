// The losses of a training, seen through the recording student: options, temperature, scale, in-batch negatives, and the curriculum of lambdaMrr.
import { describe, expect, it } from 'vitest';
import { bkl, ckl, combine, kl, klLogL, lambdaMrr, nll, type Batch } from '../../../../lib/index';
import { fitScale } from '../../../../lib/lab/training/calibrate';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { DistilOptions } from '../../../../lib/lab/training/distil';
import { BATCHES, batchOf, DATA, devRanks, EPOCHS, expectGradient, run, TRAIN } from './recorded-run';
import { positiveAt, RecordingStudent } from './recording';

describe('the loss of a training', () => {
  it.each([
    ['kl', {}, (batch: Batch) => kl(batch, { teacherTemperature: 2 })],
    ['kl', { teacherTemperature: 0.7 }, (batch: Batch) => kl(batch, { teacherTemperature: 0.7 })],
    ['nll', {}, (batch: Batch) => nll({ ...batch, teacher: undefined })],
    ['bkl', { lambda: 0.9 }, (batch: Batch) => bkl(batch, { teacherTemperature: 2, lambda: 0.9 })],
    [
      'klLogL',
      { nllWeight: 0.3 },
      (batch: Batch) => klLogL(batch, { teacherTemperature: 2, nllWeight: 0.3 }),
    ],
    ['ckl', {}, (batch: Batch) => ckl(batch, { teacherTemperature: 2 })],
    [
      'ckl',
      { gamma: 3, alpha: 1.5, lambda: 9 },
      (batch: Batch) => ckl(batch, { teacherTemperature: 2, gamma: 3, alpha: 1.5 }),
    ],
    [
      { kl: 0.7, bkl: 0.2 },
      { lambda: 0.5, gamma: 3 },
      (batch: Batch) =>
        combine(
          batch,
          [
            { loss: 'kl', weight: 0.7 },
            { loss: 'bkl', weight: 0.2, lambda: 0.5 },
          ],
          { teacherTemperature: 2 },
        ),
    ],
  ] as const)('%o with %o has its options and the temperature', async (loss, options, expected) => {
    const { of, result } = await run({ loss, ...options } as Partial<DistilOptions>);
    const losses = of.batches.map((batch) => {
      const plain = expected(batchOf(batch) as unknown as Batch);
      expectGradient(batch, plain.grad as Float32Array);
      return plain.loss as number;
    });
    // The loss of an epoch is the mean over its batches.
    for (let epoch = 1; epoch <= EPOCHS; epoch++) {
      const own = losses.slice((epoch - 1) * BATCHES, epoch * BATCHES);
      expect(result.history[epoch].loss).toBeCloseTo(own.reduce((a, b) => a + b) / BATCHES, 5);
    }
  });
});

describe('the scale of the student', () => {
  const same = (factor: number) =>
    new RecordingStudent((list, d, version) =>
      list.qid === 'dev' ? positiveAt(devRanks([5, 4, 1, 3, 2]))(list, d, version) : factor * list.teacher[d],
    );

  it.each([
    [1 / 8, 2, 4],
    [1 / 8, 0.5, 16],
    [3, 1, 1 / 3],
  ])(
    'of %f times the teacher, at temperature %f, is multiplied by %f, and stays so',
    async (by, temperature, factor) => {
      const { of } = await run({ teacherTemperature: temperature }, { of: same(by) });
      const [scaled, ...more] = of.of('scale');
      expect(scaled.factor / factor).toBeCloseTo(1, 2);
      expect(more).toEqual([]);
      expect(scaled.version).toBe(0);
      expect(of.factor).toBeCloseTo(scaled.factor, 5);
      const [{ list, scores }] = of.batches.at(-1)!;
      scores.forEach((score, d) => expect(score).toBeCloseTo(scaled.factor * by * list.teacher[d], 3));
      // It is what fitScale finds on the training lists; dev has no say.
      expect(fitScale(same(by), TRAIN, temperature)).toBe(scaled.factor);
    },
  );
});

describe('in-batch negatives', () => {
  it('are made of the lists of the batch alone, and their gradient follows the other, times its weight', async () => {
    const asked: string[][] = [];
    const lists = (batch: readonly CandidateList[]) => {
      asked.push(batch.map(({ qid }) => qid));
      // Each query with the second documents of all of them, of which its own alone is relevant.
      return batch.map(({ qid }, b) => ({
        qid: `${qid}'`,
        docids: batch.map((list) => list.docids[1]),
        teacher: new Float32Array(batch.length),
        labels: Uint8Array.from(batch, (_, other) => (other === b ? 1 : 0)),
      }));
    };
    const { of, result } = await run({}, { data: { ...DATA, inBatch: { weight: 0.25, lists } } });
    let sum = 0;
    of.batches.forEach((batch, step) => {
      const [own, crossed] = [0, 1].map((half) =>
        batch.filter(({ list }) => list.qid.endsWith("'") === (half === 1)),
      );
      expect(asked[step]).toEqual(own.map(({ list }) => list.qid));
      expect(crossed.map(({ list }) => list.qid)).toEqual(own.map(({ list }) => `${list.qid}'`));
      const plain = kl(batchOf(own), { teacherTemperature: 2 });
      expectGradient(own, plain.grad);
      const { student, labels, offsets } = batchOf(crossed);
      const positives = nll({ student, labels, offsets });
      const expected = Array.from(positives.grad, (g) => 0.25 * g);
      crossed.flatMap(({ grad }) => grad).forEach((g, i) => expect(g).toBeCloseTo(expected[i], 6));
      if (step < BATCHES) sum += plain.loss + 0.25 * positives.loss;
    });
    expect(result.history[1].loss).toBeCloseTo(sum / BATCHES, 5);
  });
});

describe('the curriculum of lambdaMrr', () => {
  const stages = [
    { head: 5, middle: 12 },
    { head: 10, middle: 10 },
    { head: 30, middle: 0 },
  ];
  /** CL-DRD's relevance of a list at a stage; documents below the teacher's first 30 take no part. */
  const relevant = (list: CandidateList, stage: number) => {
    const { head, middle } = stages[stage];
    const order = [...list.teacher.keys()].sort((i, j) => list.teacher[j] - list.teacher[i]);
    const place = list.docids.map((_, d) => order.indexOf(d));
    return {
      relevance: place.map((p) => (p < head ? 1 / (p + 1) : p < head + middle ? -0.25 : -0.5)),
      labels: place.map((p, d) => (p < 30 ? list.labels[d] : 255)),
    };
  };
  const expected = (batch: { list: CandidateList; scores: number[] }[], stage: number) => {
    const { student, offsets } = batchOf(batch);
    const parts = batch.map(({ list }) => relevant(list, stage));
    return lambdaMrr({
      student,
      offsets,
      labels: Uint8Array.from(parts.flatMap(({ labels }) => labels)),
      relevance: Float32Array.from(parts.flatMap(({ relevance }) => relevance)),
    }).grad;
  };
  const stagesOf = async (options: Partial<DistilOptions>) => {
    const { of } = await run({ loss: 'lambdaMrr', ...options });
    return of.batches.map((batch) =>
      [0, 1, 2].filter((stage) => {
        const grad = expected(batch, stage);
        return batch.flatMap(({ grad }) => grad).every((g, i) => Math.abs(g - grad[i]) < 1e-6);
      }),
    );
  };

  it('goes through its three stages, a third of all steps each', async () => {
    expect(await stagesOf({})).toEqual([[0], [0], [0], [0], [1], [1], [1], [1], [2], [2], [2], [2]]);
  });
  it('stays in its last stage where that is asked for', async () => {
    expect(await stagesOf({ curriculum: 'last-stage' })).toEqual(Array(12).fill([2]));
  });
  it('takes the labels where that is asked for', async () => {
    const { of } = await run({ loss: 'lambdaMrr', curriculum: 'labels' });
    for (const batch of of.batches) {
      const { student, labels, offsets } = batchOf(batch);
      expectGradient(batch, lambdaMrr({ student, labels, offsets }).grad);
    }
  });
});
