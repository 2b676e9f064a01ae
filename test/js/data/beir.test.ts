// BEIR folders in all layouts that are in use, and what is said about one that is not complete.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadBeir, openBeir, readCorpus } from '../../../lib/data/index';
import { scratch } from './files';
import { haveShared, shared } from './shared';

const dir = join(scratch().dir, 'beir');
const CORPUS = '{"_id":"d1","title":"T","text":"one","metadata":{}}\n{"_id":2,"text":"two"}\n';
const QUERIES = '{"_id":"q1","text":"what"}\n';
const QRELS = 'query-id\tcorpus-id\tscore\nq1\td1\t1\n';

beforeEach(() => {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(join(dir, 'qrels'), { recursive: true });
});
const write = (name: string, content: string | Buffer) => writeFileSync(join(dir, name), content);

describe('a BEIR folder', () => {
  it.each([
    ['qrels/test.tsv', 'test'],
    ['qrels.train.tsv', 'train'],
    ['qrels.tsv', 'all'],
  ])('with plain files and %s', async (name, split) => {
    write('corpus.jsonl', CORPUS);
    write('queries.jsonl', QUERIES);
    write(name, QRELS);
    const beir = await loadBeir(dir);
    expect([...beir.corpus.values()]).toEqual([
      { id: 'd1', title: 'T', text: 'one' },
      { id: '2', title: '', text: 'two' },
    ]);
    expect(beir.queries).toEqual(new Map([['q1', 'what']]));
    expect(beir.qrels).toEqual(new Map([[split, new Map([['q1', new Map([['d1', 1]])]])]]));
  });
  it('with gzip files', async () => {
    write('corpus.jsonl.gz', gzipSync(CORPUS));
    write('queries.jsonl.gz', gzipSync(QUERIES));
    write('qrels/dev.tsv.gz', gzipSync(QRELS));
    const beir = await loadBeir(dir);
    expect([beir.corpus.size, beir.queries.size, [...beir.qrels.keys()]]).toEqual([2, 1, ['dev']]);
  });
  it('says which file is missing, and what there is', async () => {
    write('corpus.jsonl', CORPUS);
    write('qrels.tsv', QRELS);
    await expect(openBeir(dir)).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      file: dir,
      expected: 'queries.jsonl, queries.jsonl.gz or queries.parquet in this folder',
      found: 'corpus.jsonl, qrels, qrels.tsv',
    });
    rmSync(join(dir, 'qrels.tsv'));
    await expect(openBeir(dir)).rejects.toThrow('judgements');
    await expect(openBeir('/nowhere')).rejects.toThrow('a BEIR folder');
  });
  it('refuses a split that lies in two places', async () => {
    write('corpus.jsonl', CORPUS);
    write('queries.jsonl', QUERIES);
    write('qrels.test.tsv', QRELS);
    write('qrels/test.tsv', QRELS);
    await expect(openBeir(dir)).rejects.toMatchObject({
      expected: 'the judgements of split "test" in one place',
      found: `${join(dir, 'qrels.test.tsv')} and ${join(dir, 'qrels', 'test.tsv')}`,
    });
  });
  it('refuses a document that comes twice', async () => {
    write('corpus.jsonl', CORPUS + CORPUS);
    write('queries.jsonl', QUERIES);
    write('qrels.tsv', QRELS);
    await expect(loadBeir(dir)).rejects.toMatchObject({ line: 3, expected: 'each id once' });
    expect((await loadBeir(dir, { skipBad: true })).corpus.size).toBe(2);
  });
});

describe.skipIf(!haveShared)('real collections (needs ../shared)', () => {
  it.each([
    ['scifact/beir', 5183, 1109, { test: 300, train: 809 }],
    ['classic/cranfield/beir', 1400, 225, { all: 225 }],
    ['classic/vaswani_npl/beir', 11429, 93, { all: 93 }],
  ])('%s', async (folder, documents, queries, splits) => {
    const beir = await loadBeir(shared(folder));
    expect(beir.corpus.size).toBe(documents);
    expect(beir.queries.size).toBe(queries);
    expect(Object.fromEntries([...beir.qrels].map(([split, qrels]) => [split, qrels.size]))).toEqual(splits);
  });
  it('is read as a stream too', async () => {
    let characters = 0;
    for await (const { text } of readCorpus(shared('scifact/beir/corpus.jsonl.gz')))
      characters += text.length;
    expect(characters).toBeGreaterThan(5e6);
  });
});
