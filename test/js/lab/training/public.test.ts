// ckl-loss/train and ckl-loss/refine as others import them: lists of scores in memory, and a student that is saved and loaded.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadQrels, loadRun } from '../../../../lib/data/index';
import { refine, saveStudent } from '../../../../lib/lab/refine/index';
import { load } from '../../../../lib/lab/students/index';
import { candidateLists, loadCandidates } from '../../../../lib/lab/training/index';
import { scratch } from '../../data/files';

const sample = join(__dirname, '../../../../examples/sample');
const teacher = join(sample, 'teacher.trec');
const files = scratch();

describe('candidateLists', () => {
  it('makes of a run and judgements what loadCandidates makes of files', async () => {
    const [run, qrels] = [await loadRun(teacher), await loadQrels(join(sample, 'qrels/train.tsv'))];
    const { lists } = await loadCandidates(sample, teacher, 7);
    const expected = lists.filter(({ qid }) => qrels.has(qid));
    expect(expected.length).toBeGreaterThan(50);
    expect(candidateLists(run, qrels, { maxDocs: 7 })).toEqual(expected);
  });

  it('counts positives from a level on, and leaves out what has no judgement', () => {
    const run = new Map([
      [
        'q',
        new Map([
          ['a', 1],
          ['b', 3],
          ['c', 2],
        ]),
      ],
      ['other', new Map([['a', 1]])],
      ['empty', new Map<string, number>()],
    ]);
    const qrels = new Map([
      [
        'q',
        new Map([
          ['a', 2],
          ['b', 1],
        ]),
      ],
      ['empty', new Map([['a', 1]])],
    ]);
    expect(candidateLists(run, qrels, { level: 2 })).toEqual([
      {
        ...{ qid: 'q', docids: ['b', 'c', 'a'] },
        ...{ teacher: Float32Array.of(3, 2, 1), labels: Uint8Array.of(0, 0, 1) },
      },
    ]);
  });

  it('refuses a score beyond float32', () => {
    const run = new Map([['q', new Map([['a', 1e39]])]]);
    expect(() => candidateLists(run, new Map([['q', new Map([['a', 1]])]]))).toThrow(
      expect.objectContaining({
        code: 'ERR_CKL_OPTION',
        message: expect.stringContaining('query q, document a'),
      }) as Error,
    );
  });
});

describe('saveStudent', () => {
  const options = {
    ...{ data: sample, teacher, width: 16, losses: ['kl' as const], docs: 12 },
    ...{ epochs: 1, batch: 16, patience: 1, learningRate: 0.003, seed: 1 },
  };

  it('writes what load reads', async () => {
    const dir = join(files.dir, 'student');
    await saveStudent(dir, await refine({ ...options, keepsStudent: true }));
    expect(await load(dir)).toMatchObject({ name: 'dense', width: 16 });
  });

  it('says what is missing of a result that was not asked to keep it', async () => {
    const result = await refine(options);
    await expect(saveStudent(join(files.dir, 'none'), result)).rejects.toThrow('keepsStudent: true');
  });
});
