// How the job parts its queries, and what it says of data that cannot work.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTrainingData } from '../../../../lib/lab/students/linear/lists';
import { foldLists, splitLists } from '../../../../lib/lab/training/split';
import { scratch } from '../../data/files';
import { judgementsOf, listOf } from './recording';

const files = scratch();
let folders = 0;

/** A BEIR folder of 40 queries with three candidates each, the first of them relevant, and a teacher run. */
function folder(
  splits: Record<string, (q: number) => boolean>,
  change: { run?: string; queries?: number } = {},
) {
  const dir = join(files.dir, `beir${folders++}`);
  mkdirSync(join(dir, 'qrels'), { recursive: true });
  const ids = Array.from({ length: 40 }, (_, q) => q);
  const write = (name: string, lines: string[]) =>
    writeFileSync(join(dir, name), lines.map((line) => `${line}\n`).join(''));
  write(
    'corpus.jsonl',
    [0, 1, 2].map((d) => JSON.stringify({ _id: `d${d}`, text: `word${d} other` })),
  );
  write(
    'queries.jsonl',
    ids.slice(0, change.queries ?? 40).map((q) => JSON.stringify({ _id: `q${q}`, text: 'word0 other' })),
  );
  for (const [split, isIn] of Object.entries(splits)) {
    write(
      `qrels/${split}.tsv`,
      ids.filter(isIn).map((q) => `q${q}\td0\t1`),
    );
  }
  write(
    'run',
    ids.flatMap((q) => [0, 2, 1].map((d, i) => `q${q} Q0 d${d} ${i} ${9 - d} t`)).concat(change.run ?? []),
  );
  return { dir, run: join(dir, 'run') };
}

const everything = { all: () => true };

describe('loadTrainingData', () => {
  it("keeps the teacher's order, best first, and its best N", async () => {
    const { dir, run } = folder(everything);
    const { lists, documents } = await loadTrainingData(dir, run);
    expect(documents).toBe(3);
    expect(lists[0]).toMatchObject({ qid: 'q0', docids: ['d0', 'd1', 'd2'] });
    expect([...lists[0].teacher]).toEqual([9, 8, 7]);
    expect([...lists[0].labels]).toEqual([1, 0, 0]);
    expect((await loadTrainingData(dir, run, 2)).lists[0].docids).toEqual(['d0', 'd1']);
  });
  it('names a document or a query the folder lacks', async () => {
    const missing = folder(everything, { run: 'q1 Q0 d99 9 0.5 t' });
    await expect(loadTrainingData(missing.dir, missing.run)).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      expected: expect.stringContaining('document d99'),
    });
    const short = folder(everything, { queries: 39 });
    await expect(loadTrainingData(short.dir, short.run)).rejects.toThrow('query q39');
  });
  it('says so when no scored query is judged', async () => {
    const { dir, run } = folder({ test: (q) => q === 1 });
    writeFileSync(run, 'q0 Q0 d0 1 1 t\n');
    await expect(loadTrainingData(dir, run)).rejects.toThrow('queries that the folder has judgements for');
  });
});

describe('splitLists', () => {
  const load = async (splits: Record<string, (q: number) => boolean>) => {
    const { dir, run } = folder(splits);
    return loadTrainingData(dir, run);
  };
  const sizes = ({ train, dev, test }: ReturnType<typeof splitLists>) => [
    train.length,
    dev.length,
    test.length,
  ];

  it("takes the folder's own splits", async () => {
    const split = splitLists(
      await load({ train: (q) => q < 20, dev: (q) => q >= 20 && q < 25, test: (q) => q >= 25 }),
      1,
    );
    expect(sizes(split)).toEqual([20, 5, 15]);
    expect(split.test.every((list) => Number(list.qid.slice(1)) >= 25)).toBe(true);
  });
  it.each(['dev', 'val', 'validation'])('takes a split named %s for dev', async (name) => {
    const isDev = (q: number) => q >= 20 && q < 25;
    const data = await load({ train: (q) => q < 20, [name]: isDev, test: (q) => q >= 25 });
    const { dev } = splitLists(data, 1);
    expect(dev.map(({ qid }) => qid).sort()).toEqual(['q20', 'q21', 'q22', 'q23', 'q24']);
  });
  it('draws dev from train where there is none, and never from test', async () => {
    const data = await load({ train: (q) => q < 20, test: (q) => q >= 20 });
    expect(sizes(splitLists(data, 1))).toEqual([17, 3, 20]);
  });
  it('draws test and dev from a lone qrels, by the seed alone', async () => {
    const data = await load(everything);
    const ids = (seed: number) => splitLists(data, seed).test.map((list) => list.qid);
    expect(sizes(splitLists(data, 1))).toEqual([24, 4, 12]);
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });
  it('parts without overlap', async () => {
    const { train, dev, test } = splitLists(await load(everything), 5);
    expect(new Set([...train, ...dev, ...test].map((list) => list.qid)).size).toBe(40);
  });
  it('says which part would be empty', async () => {
    const data = await load({ test: () => true });
    expect(() => splitLists(data, 1)).toThrow('no train queries: the teacher scored 40 judged queries');
    const one = await load({ train: (q) => q < 2, test: (q) => q >= 2 });
    expect(() => splitLists(one, 1)).toThrow(
      'no dev queries: the teacher scored 40 judged queries, of splits test, train',
    );
  });
  it('says so when no training list has both a positive and a negative', async () => {
    const data = await load({ train: (q) => q < 20, test: (q) => q >= 20 });
    const lists = data.lists.map((list) => ({ ...list, labels: list.labels.fill(0) }));
    expect(() => splitLists({ ...data, lists }, 1)).toThrow('none of 17 has both a positive and a negative');
    const again = await load({ train: (q) => q < 20, test: (q) => q >= 20 });
    const alone = again.lists.map((list, i) =>
      i < 5 ? { ...list, labels: list.labels.map(() => 1) } : list,
    );
    const { train, dev, unusable } = splitLists({ ...again, lists: alone }, 1);
    expect(unusable).toBeGreaterThan(0);
    expect(train.length + dev.length + unusable).toBe(20);
    for (const fold of foldLists({ ...again, lists: alone }, 3, 1)) {
      expect(fold.unusable).toBeGreaterThan(0);
      expect(fold.train.length + fold.dev.length + fold.unusable + fold.test.length).toBe(alone.length);
    }
  });
});

describe('foldLists', () => {
  const lists = Array.from({ length: 41 }, (_, q) => listOf(`q${q}`, [2, 1]));
  const qrels = new Map([['test', judgementsOf(lists)]]);
  const ids = (some: readonly { qid: string }[]) => some.map(({ qid }) => qid);

  it('tests each query once, and of the others takes 15 % for dev', () => {
    const folds = foldLists({ lists, qrels }, 3, 1);
    expect(folds.map(({ train, dev, test }) => [train.length, dev.length, test.length])).toEqual([
      [23, 4, 14],
      [23, 4, 14],
      [24, 4, 13],
    ]);
    expect(ids(folds.flatMap(({ test }) => test)).sort()).toEqual(ids(lists).sort());
    for (const { train, dev, test } of folds)
      expect(ids([...train, ...dev, ...test]).sort()).toEqual(ids(lists).sort());
    expect(foldLists({ lists, qrels }, 3, 1)).toEqual(folds);
    expect(ids(foldLists({ lists, qrels }, 3, 2)[0].test)).not.toEqual(ids(folds[0].test));
  });

  it('has at least one query of dev, and needs three queries a fold', () => {
    const few = lists.slice(0, 6);
    for (const { train, dev } of foldLists({ lists: few, qrels }, 2, 1))
      expect([train.length, dev.length]).toEqual([2, 1]);
    expect(() => foldLists({ lists: few.slice(1), qrels }, 2, 1)).toThrow(
      new RangeError('2 folds need at least 6 queries, not 5'),
    );
  });

  it('says which fold has no list to train on', () => {
    const alone = lists.slice(0, 9).map((list) => ({ ...list, labels: Uint8Array.of(0, 0) }));
    expect(() => foldLists({ lists: alone, qrels }, 3, 1)).toThrow(
      new RangeError('fold 1 of 3 has no list with a positive and a negative'),
    );
  });
});
