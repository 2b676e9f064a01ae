// The training loop, seen through the recording student: the lists and learning rates of each step, and the weights that are left.
import { describe, expect, it } from 'vitest';
import { kl } from '../../../../lib/index';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { Random } from '../../../../lib/lab/training/random';
import {
  BATCHES,
  batchOf,
  DATA,
  devRanks,
  EPOCHS,
  expectGradient,
  run,
  scatter,
  student,
  TRAIN,
} from './recorded-run';
import { ndcgAt, positiveAt, RecordingStudent } from './recording';

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
