// The training loop: it learns, it repeats itself bit by bit, it stops when it should.
import { describe, expect, it } from 'vitest';
import { losses, type LossName } from '../../../../lib/index';
import { fitScale } from '../../../../lib/lab/training/calibrate';
import { distil, type DistilOptions, type Hooks } from '../../../../lib/lab/training/distil';
import { Random } from '../../../../lib/lab/training/random';
import { measure, runOf, scoresOf } from '../../../../lib/lab/training/rerank';
import { LinearStudent } from '../../../../lib/lab/students/linear/linear-student';
import { DATA, drawLists, OPTIONS, TEST, TRUTH } from './lists';

async function trained(options: Partial<DistilOptions> = {}, hooks?: Hooks) {
  const student = new LinearStudent(TRUTH.length, 0);
  const score = () => measure(runOf(TEST, scoresOf(student)), DATA.qrels).mean['ndcg@10'];
  const before = score();
  const result = await distil(student, DATA, { ...OPTIONS, ...options }, hooks);
  return { student, result, before, after: score() };
}

describe('distil', () => {
  it.each(Object.keys(losses) as LossName[])('learns with %s', async (loss) => {
    const { before, after, result, student } = await trained({ loss });
    expect(before).toBeLessThan(0.7);
    expect(after).toBeGreaterThan(0.9);
    expect(result.stopped).toBe('finished');
    const cosine =
      TRUTH.reduce((sum, w, f) => sum + w * student.weights[f], 0) /
      Math.hypot(...TRUTH) /
      Math.hypot(...student.weights);
    expect(cosine).toBeGreaterThan(0.97);
  });

  it('gives the same bits for the same seed, and others for another', async () => {
    const first = await trained();
    const second = await trained();
    expect(second.student.weights).toEqual(first.student.weights);
    expect(second.result).toEqual(first.result);
    expect((await trained({ seed: 4 })).student.weights).not.toEqual(first.student.weights);
  });

  it('uses the ranks it refreshes: their period changes what is learned', async () => {
    const weights = await Promise.all(
      [0, 1, 50].map(async (refreshRanks) => (await trained({ refreshRanks })).student.weights),
    );
    expect(weights[0]).not.toEqual(weights[2]);
    expect(weights[1]).not.toEqual(weights[2]);
  });

  it('keeps the weights that were best on dev', async () => {
    const { result, student } = await trained();
    const best = Math.max(...result.history.map((epoch) => epoch.dev));
    expect(result.history[result.bestEpoch].dev).toBe(best);
    expect(measure(runOf(DATA.dev, scoresOf(student)), DATA.qrels).mean['ndcg@10']).toBe(best);
  });

  it('stops early when dev no longer gains', async () => {
    const { result } = await trained({ epochs: 400, patience: 3 });
    expect(result.stopped).toBe('early');
    expect(result.history).toHaveLength(result.bestEpoch + 3 + 1);
  });

  it('stops when it is interrupted, with the best so far', async () => {
    const interrupt = new AbortController();
    const { result, before, after } = await trained(
      {},
      { signal: interrupt.signal, onProgress: ({ step }) => step === 10 && interrupt.abort() },
    );
    expect(result.stopped).toBe('interrupted');
    expect(result.history.map(({ epoch }) => epoch)).toEqual([0, 1]);
    expect(after).toBeGreaterThan(before);
  });

  it('reports every batch and every epoch', async () => {
    const steps: number[] = [];
    const epochs: number[] = [];
    await trained(
      { epochs: 2 },
      { onProgress: (p) => steps.push(p.step), onEpoch: (p) => epochs.push(p.epoch) },
    );
    expect(steps).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
    expect(epochs).toEqual([1, 2]);
  });

  it('refuses hyper-parameters that the loss refuses', async () => {
    await expect(trained({ gamma: 2, alpha: 5 })).rejects.toThrow(RangeError);
    await expect(trained({ gamma: 2, alpha: 5 })).rejects.toThrow(/^alpha is 5; /);
    await expect(trained({ loss: { ckl: 1 }, gamma: 2, alpha: 5 })).rejects.toThrow(
      /^terms\[0\]\.alpha is 5; /,
    );
  });
});

describe('fitScale', () => {
  it('undoes a factor: the product of factor and fit is the same', () => {
    const exact = drawLists(new Random(2), 40, TRUTH);
    const fit = (factor: number) => {
      const student = new LinearStudent(TRUTH.length, 0);
      student.weights.set(TRUTH.map((w) => w * factor));
      return factor * fitScale(student, exact, 1);
    };
    // The student is the teacher up to a factor, so the fit must find that factor.
    for (const factor of [0.02, 1, 30]) expect(fit(factor)).toBeCloseTo(1, 2);
  });

  it('is 1 for a student that scores all documents of a list alike', () => {
    const alike = new LinearStudent(TRUTH.length, 0);
    alike.weights.fill(0);
    expect(fitScale(alike, drawLists(new Random(2), 40, TRUTH), 1)).toBeCloseTo(1, 3);
  });
});
