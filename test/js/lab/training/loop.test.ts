// The training loop seen through a stand-in for the student: which lists, rates, temperatures and ranks it was given, and which weights are left.
import { describe, expect, it, vi } from 'vitest';
import { bkl, ckl, combine, kl, klLogL, lambdaMrr, nll, ranks, type Batch } from '../../../../lib/index';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { Progress } from '../../../../lib/lab/training/distil';
import {
  distil,
  type DistilData,
  type DistilOptions,
  type Hooks,
  type Position,
} from '../../../../lib/lab/training/distil';
import { fitScale } from '../../../../lib/lab/training/calibrate';
import { Random } from '../../../../lib/lab/training/random';
import { judgementsOf, listOf, ndcgAt, positiveAt, RecordingStudent } from './recording';

const DOCS = 40;
const numbers = new Random(17);
const teacher = (docs: number) => Array.from({ length: docs }, () => 3 * numbers.normal());

const positiveOf = (docs: number) => Array.from({ length: docs }, (_, d) => (d === 1 ? 1 : 0));

/** Seven lists of different lengths make batches of 3, 3 and 1. */
const TRAIN = Array.from({ length: 7 }, (_, q) => listOf(`t${q}`, teacher(DOCS - q), positiveOf(DOCS - q)));
const DEV = [listOf('dev', teacher(12))];
const BATCHES = 3;
const EPOCHS = 4;
const DATA: DistilData<CandidateList> = { train: TRAIN, dev: DEV, qrels: judgementsOf(DEV) };
const OPTIONS: DistilOptions = {
  loss: 'kl',
  teacherTemperature: 2,
  epochs: EPOCHS,
  batch: 3,
  learningRate: 0.1,
  patience: 99,
  refreshRanks: 0,
  seed: 5,
};

/** Ranks of dev's positive after each epoch, from epoch 0 on; between epochs it ranks 12th. */
const devRanks = (byEpoch: readonly number[]) => (version: number) =>
  version % BATCHES === 0 ? byEpoch[version / BATCHES] : 12;

/** Scores that differ by list, document and version, in no order. */
const scatter = ({ qid }: CandidateList, document: number, version: number) =>
  2 * Math.sin(1 + qid.charCodeAt(qid.length - 1) * 7.1 + document * 3.7 + version * 1.3);

function student(byEpoch: readonly number[] = [5, 4, 1, 3, 2]) {
  const ofDev = positiveAt(devRanks(byEpoch));
  return new RecordingStudent((list, d, version) =>
    list.qid === 'dev' ? ofDev(list, d, version) : scatter(list, d, version),
  );
}

async function run(
  options: Partial<DistilOptions> = {},
  {
    data = DATA,
    hooks,
    of = student(),
  }: { data?: DistilData<CandidateList>; hooks?: Hooks; of?: RecordingStudent } = {},
) {
  const result = await distil(of, data, { ...OPTIONS, ...options }, hooks);
  return { result, of };
}

/** The batch that some lists make, as the losses take it. */
function batchOf(lists: readonly { list: CandidateList; scores: readonly number[] }[]) {
  const offsets = [0];
  for (const { list } of lists) offsets.push(offsets.at(-1)! + list.docids.length);
  return {
    student: Float32Array.from(lists.flatMap(({ scores }) => [...scores])),
    teacher: Float32Array.from(lists.flatMap(({ list }) => [...list.teacher])),
    labels: Uint8Array.from(lists.flatMap(({ list }) => [...list.labels])),
    offsets: Int32Array.from(offsets),
  };
}

const expectGradient = (batch: readonly { grad: readonly number[] }[], expected: ArrayLike<number>) => {
  const found = batch.flatMap(({ grad }) => grad);
  expect(found).toHaveLength(expected.length);
  found.forEach((g, i) => expect(Math.abs(g - expected[i])).toBeLessThan(1e-6));
  expect(Math.max(...found.map(Math.abs))).toBeGreaterThan(1e-4);
};

describe('the weights that are left', () => {
  it('are those of the best epoch, which is neither the first nor the last', async () => {
    const { result, of } = await run();
    expect(result.bestEpoch).toBe(2);
    expect(of.version).toBe(2 * BATCHES);
    expect(result.history.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4]);
    result.history.forEach(({ dev }, epoch) => expect(dev).toBeCloseTo(ndcgAt([5, 4, 1, 3, 2][epoch]), 12));
    // Nothing is done to them afterwards.
    expect(of.log.at(-1)).toEqual({ kind: 'load', version: 2 * BATCHES });
    expect(of.rates).toHaveLength(EPOCHS * BATCHES);
  });

  it('are the start where no epoch is better, and the first of several that are equal', async () => {
    const worse = await run({}, { of: student([1, 2, 3, 2, 4]) });
    expect([worse.result.bestEpoch, worse.of.version]).toEqual([0, 0]);
    const equal = await run({}, { of: student([3, 2, 1, 1, 1]) });
    expect([equal.result.bestEpoch, equal.of.version]).toEqual([2, 2 * BATCHES]);
    const equalToStart = await run({}, { of: student([1, 1, 1, 1, 1]) });
    expect([equalToStart.result.bestEpoch, equalToStart.of.version]).toEqual([0, 0]);
  });

  it('are the best also when dev has stopped gaining: so many epochs after it and no more', async () => {
    const { result, of } = await run(
      { epochs: 9, patience: 2 },
      { of: student([5, 4, 2, 3, 3, 1, 1, 1, 1, 1]) },
    );
    expect(result.stopped).toBe('early');
    expect(result.history).toHaveLength(5);
    expect([result.bestEpoch, of.version]).toEqual([2, 2 * BATCHES]);
    const patient = await run({ epochs: 9, patience: 3 }, { of: student([5, 4, 2, 3, 3, 1, 1, 1, 1, 1]) });
    expect(patient.result.stopped).toBe('early');
    expect([patient.result.bestEpoch, patient.of.version]).toEqual([5, 5 * BATCHES]);
  });

  it.each([
    ['better', 1, 2 * BATCHES + 1],
    ['worse', 9, BATCHES],
  ])('of an interrupted epoch count when they are %s', async (_, rank, left) => {
    const interrupt = new AbortController();
    const ofDev = positiveAt((version) =>
      version === 2 * BATCHES + 1 ? rank : devRanks([5, 2, 3, 4, 4])(version),
    );
    const of = new RecordingStudent((list, d, version) =>
      list.qid === 'dev' ? ofDev(list, d, version) : scatter(list, d, version),
    );
    const { result } = await run(
      {},
      {
        of,
        hooks: {
          signal: interrupt.signal,
          onProgress: ({ step }) => step === 2 * BATCHES + 1 && interrupt.abort(),
        },
      },
    );
    expect(result.stopped).toBe('interrupted');
    expect(of.rates).toHaveLength(2 * BATCHES + 1);
    expect([result.bestEpoch, of.version]).toEqual([rank === 1 ? 3 : 1, left]);
  });
});

describe('the lists of a training', () => {
  const orders = ({ of }: { of: RecordingStudent }) => {
    const seen = of.batches.map((batch) => batch.map(({ list }) => list.qid));
    return Array.from({ length: EPOCHS }, (_, e) => seen.slice(e * BATCHES, (e + 1) * BATCHES));
  };

  it('come once an epoch, in batches, each epoch in another order', async () => {
    const epochs = orders(await run());
    for (const batches of epochs) {
      expect(batches.map((batch) => batch.length)).toEqual([3, 3, 1]);
      expect(batches.flat().sort()).toEqual(TRAIN.map(({ qid }) => qid));
    }
    expect(new Set(epochs.map(String)).size).toBe(EPOCHS);
  });

  it('come in the order that the seed says', async () => {
    const [one, same, other] = [await run(), await run(), await run({ seed: 6 })].map(orders);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
    expect(other[0]).not.toEqual(one[0]);
  });

  it('are scored before the gradient comes, with the same weights, and dev is never trained on', async () => {
    const { of } = await run();
    for (const { list, version } of of.of('backward')) {
      expect(list.qid).not.toBe('dev');
      expect(of.of('score')).toContainEqual({ kind: 'score', list, version });
    }
    expect(of.batches.map((batch) => batch[0].version)).toEqual([...Array(EPOCHS * BATCHES).keys()]);
    // Dev is looked at before training and after each epoch.
    const looks = of.of('score').filter(({ list }) => list.qid === 'dev');
    expect(looks.map(({ version }) => version)).toEqual([0, 3, 6, 9, 12]);
  });

  it('are sampled anew for each epoch, from the one generator', async () => {
    const asked: string[] = [];
    const sample = (list: CandidateList, random: Random): CandidateList => {
      asked.push(list.qid);
      const keep = 5 + random.below(20);
      return {
        ...list,
        docids: list.docids.slice(0, keep),
        teacher: list.teacher.slice(0, keep),
        labels: list.labels.slice(0, keep),
      };
    };
    const { of } = await run({}, { data: { ...DATA, sample } });
    expect(asked).toHaveLength(EPOCHS * TRAIN.length);
    const lengths = TRAIN.map(({ qid }) =>
      of
        .of('backward')
        .filter(({ list }) => list.qid === qid)
        .map(({ list }) => list.docids.length),
    );
    for (const ofList of lengths) {
      expect(ofList).toHaveLength(EPOCHS);
      expect(new Set(ofList).size).toBeGreaterThan(1);
    }
    expectGradient(of.batches[1], kl(batchOf(of.batches[1]), { teacherTemperature: 2 }).grad);
  });
});

describe('the learning rate', () => {
  it('falls over all steps of all epochs, and does not start again', async () => {
    const { rates } = (await run()).of;
    const steps = EPOCHS * BATCHES;
    rates.forEach((rate, step) => expect(rate).toBeCloseTo(0.1 * (1 - (0.9 * step) / (steps - 1)), 12));
    expect(rates[0]).toBe(0.1);
    expect(rates.at(-1)).toBeCloseTo(0.01, 12);
  });

  it('rises over its share of all steps before', async () => {
    const { rates } = (await run({ rise: 0.5 })).of;
    rates.forEach((rate, step) =>
      expect(rate).toBeCloseTo(0.1 * (1 - (0.9 * step) / 11) * Math.min(1, (step + 1) / 6), 12),
    );
  });
});

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

describe('a training that goes on', () => {
  it.each([
    ['kl', {}],
    ['ckl', { refreshRanks: 4 }],
    ['lambdaMrr', {}],
  ] as const)(
    '%s: from every batch sees what the one that was never interrupted saw',
    async (loss, options) => {
      const saved: {
        position: Position;
        best: Record<string, Float32Array>;
        version: number;
        factor: number;
      }[] = [];
      const of = student();
      const whole = await run(
        { loss, ...options },
        {
          of,
          hooks: {
            checkpoint: {
              every: 1,
              save: async (position, best) => {
                const { version, factor } = of;
                saved.push(
                  structuredClone({ position, best: best as Record<string, Float32Array>, version, factor }),
                );
              },
            },
          },
        },
      );
      // Each batch but the last of an epoch, and each epoch.
      expect(saved).toHaveLength(EPOCHS * BATCHES);
      for (const { position, best, version, factor } of saved) {
        const again = student();
        [again.version, again.factor] = [version, factor];
        const { result } = await run(
          { loss, ...options },
          { of: again, hooks: { resume: { position, best } } },
        );
        expect(result).toEqual(whole.result);
        expect(again.version).toBe(2 * BATCHES);
        expect(again.rates).toEqual(of.rates.slice(version));
        expect(again.of('scale')).toEqual([]);
        const seen = (student: RecordingStudent) =>
          student.of('backward').map(({ list, grad, version }) => ({ qid: list.qid, grad, version }));
        expect(seen(again)).toEqual(seen(of).filter((event) => event.version >= version));
      }
    },
  );
});

describe('what is reported', () => {
  it('is the step among all steps, the mean loss since the epoch began, and dev after the last whole epoch', async () => {
    const progress: Progress[] = [];
    const epochs: { epoch: number; dev: number; loss: number }[] = [];
    const { of } = await run(
      {},
      { hooks: { onProgress: (p) => progress.push({ ...p }), onEpoch: (p) => epochs.push({ ...p }) } },
    );
    const losses = of.batches.map((batch) => kl(batchOf(batch), { teacherTemperature: 2 }).loss);
    const ndcg = [5, 4, 1, 3, 2].map(ndcgAt);
    progress.forEach(({ epoch, step, steps, loss, dev }, i) => {
      expect([epoch, step, steps]).toEqual([1 + Math.floor(i / BATCHES), i + 1, EPOCHS * BATCHES]);
      const since = losses.slice(i - (i % BATCHES), i + 1);
      expect(loss).toBeCloseTo(since.reduce((a, b) => a + b) / since.length, 5);
      expect(dev).toBeCloseTo(ndcg[Math.floor(i / BATCHES)], 12);
    });
    // What is left takes as long a step as what was done.
    let queries = 0;
    progress.forEach(({ step, steps, queriesPerSecond, secondsLeft }, i) => {
      queries += of.batches[i].length;
      const elapsed = queries / queriesPerSecond;
      expect(elapsed).toBeGreaterThan(0);
      expect(secondsLeft / elapsed).toBeCloseTo((steps - step) / step, 6);
    });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    epochs.forEach(({ dev }, i) => expect(dev).toBeCloseTo(ndcg[i + 1], 12));
  });
  it('is the pace since the training began, in seconds', async () => {
    // Whenever it is asked after the start, four seconds have gone by.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(5000).mockReturnValueOnce(1000);
    const progress: Progress[] = [];
    try {
      await run({ epochs: 1 }, { hooks: { onProgress: (p) => progress.push({ ...p }) } });
    } finally {
      clock.mockRestore();
    }
    expect(progress.map(({ queriesPerSecond }) => queriesPerSecond)).toEqual([3 / 4, 6 / 4, 7 / 4]);
    expect(progress.map(({ secondsLeft }) => secondsLeft)).toEqual([8, 2, 0]);
  });
});
