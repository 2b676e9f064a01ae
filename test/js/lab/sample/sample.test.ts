// The sample in examples/sample is what the generator writes, byte for byte, and the student learns from it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBeir, loadRun } from '../../../../lib/data/index';
import { runJob } from '../../../../lib/lab/train/job';
import { sampleFiles, writeSample } from '../../../../lib/lab/sample/write';
import { scratch } from '../../data/files';

const committed = join(__dirname, '../../../../examples/sample');

describe('the sample', () => {
  it('is what `ckl-loss sample` writes, byte for byte', async () => {
    const { dir } = scratch();
    await writeSample(dir);
    const names = [...sampleFiles().keys()];
    const all = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(all).toHaveLength(names.length);
    for (const name of names) {
      expect(
        readFileSync(join(dir, name)).equals(readFileSync(join(committed, name))),
        `${name} differs: remove examples/sample, then run node dist/lab/cli/main.js sample --out examples/sample`,
      ).toBe(true);
    }
  });

  it('is a whole BEIR folder of a few hundred kB, and its teacher scores every query', async () => {
    const bytes = [...sampleFiles().values()].reduce((sum, content) => sum + Buffer.byteLength(content), 0);
    expect(bytes).toBeLessThan(400_000);
    const { corpus, queries, qrels } = await loadBeir(committed);
    const run = await loadRun(join(committed, 'teacher.trec'));
    expect([...run.keys()].sort()).toEqual([...queries.keys()].sort());
    expect([...qrels.values()].reduce((sum, split) => sum + split.size, 0)).toBe(queries.size);
    for (const [qid, scores] of run) {
      for (const docid of scores.keys()) expect(corpus.has(docid)).toBe(true);
      const judged = [...qrels.values()].find((split) => split.has(qid))!.get(qid)!;
      for (const docid of judged.keys()) expect(scores.has(docid)).toBe(true);
    }
  });

  it.each([1, 2, 3])(
    'teaches: seed %i ends far above its start and BM25, below the teacher',
    async (seed) => {
      const { before, after, teacher, bm25, tests } = await runJob({
        data: committed,
        teacher: join(committed, 'teacher.trec'),
        loss: 'ckl',
        epochs: 20,
        patience: 5,
        batch: 16,
        learningRate: 0.02,
        seed,
      });
      for (const measure of ['ndcg@10', 'mrr@10']) {
        expect(after.mean[measure]).toBeGreaterThan(before.mean[measure] + 0.3);
        expect(after.mean[measure]).toBeGreaterThan(bm25.mean[measure] + 0.1);
        expect(after.mean[measure]).toBeLessThan(teacher.mean[measure]);
      }
      for (const { meanDifference, pHolm } of tests) {
        expect(meanDifference).toBeGreaterThan(0);
        expect(pHolm).toBeLessThan(0.001);
      }
    },
  );
});
