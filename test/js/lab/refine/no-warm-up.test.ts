// The report of `refine` says so where CKL began at an untrained student.
import { describe, expect, it } from 'vitest';
import { reportRefinement } from '../../../../lib/lab/cli/refine/report';
import type { RefineResult } from '../../../../lib/lab/refine/job';

const evaluation = { mean: { 'ndcg@10': 0.5, 'mrr@10': 0.4 } };
const measured = { rerank: evaluation, full: evaluation, zeroShot: {} };
const refined = (loss: string) => ({ loss, ...measured, training: { bestEpoch: 2 } });
const report = (losses: string[], warmup?: string) =>
  reportRefinement({
    data: { test: 10, documents: 20 },
    teacherTemperature: 1,
    teacher: evaluation,
    start: measured,
    warmup: warmup && refined(warmup),
    refined: losses.map(refined),
    comparisons: [],
  } as unknown as RefineResult);

describe('the report of refine', () => {
  it.each(['ckl', 'ckl-detached', 'kl:1+ckl:0.5'])('says that %s had no warm-up', (loss) => {
    const text = report([loss, 'nll']);
    expect(text).toContain(`\n${loss} (no warm-up) `);
    expect(text).toContain('--warmup kl');
    expect(text).toMatch(/^nll +0\.5/m);
  });

  it('is silent after a warm-up, and without ckl', () => {
    const warm = report(['ckl'], 'kl');
    expect(warm).toMatch(/^ckl +0\.5/m);
    expect(warm).toMatch(/^warm-up kl +0\.5/m);
    expect(warm).not.toContain('no warm-up');
    expect(report(['kl', 'bkl'])).not.toContain('warm-up');
  });
});
