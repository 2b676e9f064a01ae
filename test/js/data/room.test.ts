// What V8 has no room for is said before V8 ends it: with the file, the limit and what goes beyond.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import {
  loadBeir,
  loadQrels,
  loadRun,
  readTeacher,
  TeacherScores,
  toRun,
  type DataError,
} from '../../../lib/data/index';
import { limits } from '../../../lib/data/room';
import { scratch } from './files';

const files = scratch();
const usual = { ...limits };
afterEach(() => void Object.assign(limits, usual));

const failure = (work: Promise<unknown>): Promise<DataError> =>
  work.then(
    () => Promise.reject(new Error('no error')),
    (error: DataError) => error,
  );
const QUERIES = 'at most 2 queries, which is what a Map of V8 holds';

it('queries and documents of tables', async () => {
  const run = files.write('run', '1 Q0 a 1 3 t\n2 Q0 a 1 3 t\n3 Q0 a 1 3 t\n');
  const deep = files.write('deep', '1 Q0 a 1 3 t\n1 Q0 b 2 2 t\n1 Q0 c 3 1 t\n');
  const qrels = files.write('qrels', '1 0 a 1\n2 0 a 1\n3 0 a 1\n');
  await expect(loadRun(run)).resolves.toHaveProperty('size', 3);
  limits.entries = 2;
  const error = await failure(loadRun(run));
  expect(error).toMatchObject({ code: 'ERR_CKL_DATA', file: run, found: 'more' });
  expect(error.expected).toContain(QUERIES);
  expect(error.expected).toContain('ckl-loss evaluate');
  expect((await failure(loadRun(deep, { order: 'rank' }))).expected).toContain('documents of a query');
  expect((await failure(loadQrels(qrels))).expected).toContain(QUERIES);
  expect((await failure(toRun(readTeacher(run, 'trec')))).expected).toContain('TeacherScores');
});

it('lists that stand apart', async () => {
  const row = (query: number) => `{"query_id":"q${query}","doc_id":"d","score":1}\n`;
  limits.entries = 2;
  const together = files.write('t.jsonl', [1, 2, 3].map(row).join(''));
  expect((await TeacherScores.load(together)).size).toBe(3);
  const apart = files.write('a.jsonl', [1, 2, 1, 3].map(row).join(''));
  expect((await failure(TeacherScores.load(apart))).expected).toContain(QUERIES);
});

it('a folder in memory', async () => {
  const dir = join(files.dir, 'beir');
  mkdirSync(join(dir, 'qrels'), { recursive: true });
  files.write('beir/corpus.jsonl', ['1', '2', '3'].map((_id) => `{"_id":"${_id}","text":"t"}\n`).join(''));
  files.write('beir/queries.jsonl', '{"_id":"1","text":"t"}\n');
  files.write('beir/qrels/test.tsv', '1\t1\t1\n');
  limits.entries = 2;
  const error = await failure(loadBeir(dir));
  expect(error).toMatchObject({ file: join(dir, 'corpus.jsonl') });
  expect(error.expected).toContain('at most 2 documents');
  expect(error.expected).toContain('readCorpus');
});

it('the heap', async () => {
  const run = files.write('run', Array.from({ length: 40 }, (_, i) => `1 Q0 ${i} 1 3 t\n`).join(''));
  limits.every = 8;
  limits.heap = () => ({ used_heap_size: 950, heap_size_limit: 1000 });
  const error = await failure(loadRun(run));
  expect(error.expected).toContain('--max-old-space-size');
  expect(error.found).toContain('entries');
  // Other things fill the heap.
  limits.heap = () => ({ used_heap_size: 1e6, heap_size_limit: 1e6 });
  await expect(loadRun(run)).resolves.toHaveProperty('size', 1);
});
