// All students through the whole job: they learn the sample, warm up, search in two stages, and resume bit by bit.
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../../../lib/lab/experiment/checkpoint-error';
import { refine, type RefineOptions } from '../../../../lib/lab/refine/job';
import { bm25 } from '../../../../lib/lab/students/two-stage';
import { haveShared, shared } from '../../data/shared';

const sample = join(__dirname, '../../../../examples/sample');
const OPTIONS: RefineOptions = {
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  losses: ['ckl'],
  docs: 12,
  width: 16,
  epochs: 2,
  patience: 2,
  batch: 16,
  learningRate: 0.003,
  seed: 1,
};

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ckl-refine-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('refine', () => {
  it.each(['multi', 'sparse'] as const)('improves the %s student', async (student) => {
    const { start, refined } = await refine({
      ...OPTIONS,
      student,
      // In 16 latent directions the sample's words are too near each other for late interaction.
      width: 64,
      epochs: 4,
      zeroShot: [sample],
    });
    expect(refined[0].rerank.mean['ndcg@10']).toBeGreaterThan(start.rerank.mean['ndcg@10']);
    // The collection itself as the other one: the same as full retrieval.
    const [other] = Object.values(refined[0].zeroShot);
    expect(other.mean['ndcg@10']).toBeCloseTo(refined[0].full.mean['ndcg@10'], 9);
  });

  it('trains both stages of two, warmed up, with in-batch negatives, and repeats itself', async () => {
    const options = {
      ...OPTIONS,
      student: 'two-stage',
      firstStage: 'sparse',
      candidates: 20,
      warmup: 'marginMse',
      warmupEpochs: 1,
      warmupRate: 0.001,
      inBatchWeight: 0.1,
      refreshDepth: 20,
      rise: 0.2,
    } as const;
    const { warmup, refined } = await refine(options);
    expect(warmup).toMatchObject({ loss: 'marginMse' });
    expect(warmup!.training.history).toHaveLength(2);
    expect(refined[0].training.history).toHaveLength(3);
    expect((await refine(options)).refined).toEqual(refined);
  });

  it.each(['dense', 'multi', 'sparse', 'two-stage'] as const)(
    '%s: interrupted and resumed, ends in the same bytes',
    async (student) => {
      const options = {
        ...OPTIONS,
        student,
        // Of two stages both learn; the warm-up then takes twice as many batches.
        firstStage: 'sparse',
        warmup: 'kl',
        warmupEpochs: 1,
        checkpointEvery: 3,
      } as const;
      const [whole, parts] = ['whole', 'parts'].map((name) => join(dir, `${student}-${name}`));
      const expected = await refine({ ...options, checkpoint: whole });
      const interrupt = new AbortController();
      let batches = 0;
      await refine(
        { ...options, checkpoint: parts },
        // In the middle of the first epoch after the warm-up's ten or so batches a stage.
        {
          signal: interrupt.signal,
          onProgress: () => ++batches === (student === 'two-stage' ? 35 : 15) && interrupt.abort(),
        },
      );
      expect(readFileSync(parts).equals(readFileSync(whole))).toBe(false);
      const resumed = await refine({ ...options, checkpoint: parts, resume: parts });
      expect(readFileSync(parts).equals(readFileSync(whole))).toBe(true);
      expect(resumed.refined).toEqual(expected.refined);
      if (student !== 'dense') return;
      await expect(refine({ ...options, seed: 2, resume: parts })).rejects.toThrow('seed was 1, now 2');
      const bytes = readFileSync(parts);
      bytes[bytes.length >> 1] ^= 1;
      writeFileSync(parts, bytes);
      await expect(refine({ ...options, resume: parts })).rejects.toThrow(CheckpointError);
      await expect(refine({ ...options, resume: join(dir, 'none') })).rejects.toThrow(
        'no checkpoint to read',
      );
    },
  );
});

describe('bm25', () => {
  it('ranks by idf and saturated counts', () => {
    const bag = (words: number[], counts: number[]) => ({
      words: Int32Array.from(words),
      weights: Float32Array.from(words, () => 2),
      counts: Float32Array.from(counts),
      length: 1,
    });
    const corpus = { docids: ['a', 'b', 'c'], bags: [bag([1, 2], [1, 1]), bag([1], [3]), bag([3], [1])] };
    const found = bm25.search(corpus, new Map([['q', bag([1, 2], [1, 1])]]), 2).get('q')!;
    const factor = (count: number) => (count * 1.9) / (count + 0.9);
    expect(found.get('a')).toBeCloseTo(4 * factor(1), 5);
    expect(found.get('b')).toBeCloseTo(2 * factor(3), 5);
    expect(found.size).toBe(2);
  });
});

describe.skipIf(!haveShared)('SciFact with E5 as the teacher (needs ../shared)', () => {
  it.each(['dense', 'multi', 'sparse'] as const)(
    'the %s student gains over its start, p < .05 on the 153 test lists',
    { timeout: 300_000 },
    async (student) => {
      const { comparisons, refined } = await refine({
        ...OPTIONS,
        data: shared('scifact/beir'),
        teacher: shared('scifact/teacher_e5/E5_Results.txt.gz'),
        student,
        docs: 33,
        width: 128,
        epochs: 4,
        patience: 4,
      });
      expect(refined[0].rerank.queries).toHaveLength(153);
      const test = comparisons.find(
        ({ setting, measure, against }) =>
          setting === 'rerank' && measure === 'ndcg@10' && against === 'start',
      )!;
      expect(test.meanDifference).toBeGreaterThan(0.02);
      // Corrected for the measures and settings that the comparison looks at.
      expect(test.pHolm).toBeLessThan(0.05);
    },
  );
});
