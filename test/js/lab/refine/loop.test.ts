// What the training loop has for refinement: positions to resume from, in-batch negatives, a rising learning rate.
import { describe, expect, it } from 'vitest';
import { linearDecay, riseAndDecay } from '../../../../lib/lab/training/schedule';
import { distil, type DistilOptions, type Hooks, type Position } from '../../../../lib/lab/training/distil';
import { LinearStudent } from '../../../../lib/lab/students/linear/linear-student';
import type { FeatureList } from '../../../../lib/lab/students/linear/lists';
import { DATA, OPTIONS, TRUTH } from '../training/lists';

async function trained(options: Partial<DistilOptions> = {}, hooks?: Hooks) {
  const student = new LinearStudent(TRUTH.length, 0);
  const result = await distil(student, DATA, { ...OPTIONS, ...options }, hooks);
  return { student, result };
}

describe('resuming', () => {
  it('hands out positions, and a finished training goes no further', async () => {
    const positions: Position[] = [];
    const { result, student } = await trained(
      {},
      { checkpoint: { every: 3, save: async (position) => void positions.push(structuredClone(position)) } },
    );
    // 7 batches an epoch: after 3 and 6 of them by the count over all, and after each epoch.
    expect(positions.slice(0, 4).map(({ epoch, batch }) => [epoch, batch])).toEqual([
      [1, 3],
      [1, 6],
      [2, 0],
      [2, 2],
    ]);
    expect(positions.at(-1)).toMatchObject({ epoch: 13, batch: 0, history: result.history });
    expect(positions.at(-1)!.ranks!.batches).toBe(84);
    const again = new LinearStudent(TRUTH.length, 0);
    const best = { weights: Float32Array.from(student.weights) };
    const resumed = await distil(again, DATA, OPTIONS, { resume: { position: positions.at(-1)!, best } });
    expect(resumed).toEqual(result);
  });
});

describe('in-batch negatives', () => {
  it('add a loss over the other queries, and its gradient', async () => {
    const lists = (batch: readonly FeatureList[]) => [...batch];
    const plain = await trained({ loss: 'kl' });
    const student = new LinearStudent(TRUTH.length, 0);
    // The lists themselves stand in for cross lists: kl plus 0.5 nll is klLogL.
    const summed = await distil(
      student,
      { ...DATA, inBatch: { weight: 0.5, lists } },
      { ...OPTIONS, loss: 'kl' },
    );
    const together = await trained({ loss: 'klLogL', nllWeight: 0.5 });
    expect(summed.history[1].loss).toBeCloseTo(together.result.history[1].loss!, 5);
    student.weights.forEach((weight, f) => expect(weight).toBeCloseTo(together.student.weights[f], 3));
    expect(student.weights).not.toEqual(plain.student.weights);
  });
});

describe('riseAndDecay', () => {
  it('rises over its share of the steps, then only decays', () => {
    const rates = Array.from({ length: 10 }, (_, step) => riseAndDecay(1, step, 10, 0.4));
    expect(rates[0]).toBeCloseTo(0.25, 6);
    expect(rates[3]).toBeCloseTo(linearDecay(1, 3, 10), 6);
    expect(rates[9]).toBeCloseTo(0.1, 6);
    expect(riseAndDecay(2, 0, 10, 0)).toBe(2);
  });
});
