// The training job on a real collection with a real teacher: SciFact, candidates and scores of E5-large.
import { describe, expect, it } from 'vitest';
import { type JobResult, runJob } from '../../../../lib/lab/train/job';
import { haveShared, shared } from '../../data/shared';

describe.skipIf(!haveShared)('SciFact with E5 as the teacher (needs ../shared)', () => {
  const jobs = new Map<string, Promise<JobResult>>();

  /** Each is run once. */
  function job(loss: 'ckl' | 'kl', seed: number): Promise<JobResult> {
    const name = `${loss} ${seed}`;
    const made = jobs.get(name) ?? run(loss, seed);
    jobs.set(name, made);
    return made;
  }

  const run = (loss: 'ckl' | 'kl', seed: number): Promise<JobResult> =>
    runJob({
      data: shared('scifact/beir'),
      teacher: shared('scifact/teacher_e5/E5_Results.txt.gz'),
      loss,
      epochs: 20,
      patience: 5,
      batch: 16,
      learningRate: 0.02,
      seed,
    });

  it('reads 547 lists; 153 of them are held out, as the collection has it', async () => {
    const { data, teacher } = await job('ckl', 1);
    expect(data).toEqual({ documents: 5183, train: 310, dev: 59, test: 153, skipped: 0, unusable: 25 });
    // The teacher's own measure on these lists is known, .667.
    expect(teacher.mean['ndcg@10']).toBeCloseTo(0.6674, 4);
  });

  it.each([
    ['ckl', 1],
    ['ckl', 2],
    ['kl', 1],
  ] as const)('%s, seed %i: better nDCG@10 and MRR@10 on the held-out test lists', async (loss, seed) => {
    const { before, after, tests } = await job(loss, seed);
    for (const measure of ['ndcg@10', 'mrr@10'])
      expect(after.mean[measure]).toBeGreaterThan(before.mean[measure] + 0.08);
    for (const { pHolm } of tests) expect(pHolm).toBeLessThan(0.001);
  });
});
