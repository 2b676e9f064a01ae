// Runs and a teacher's lists fit each other: lists become a run, and what takes a run says so of anything else.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadRun, readTeacher, toRun, writeTeacher } from '../../../lib/data/index';
import { evaluate } from '../../../lib/metrics/index';
import { scratch } from './files';

const files = scratch();
const lists = [
  { qid: 'q', docs: [{ docid: 'a', score: 2 }] },
  { qid: 'r', docs: [{ docid: 'a', score: 0.5, label: 1 as const }] },
  { qid: 'q', docs: [{ docid: 'b', score: 3 }] },
];
const run = new Map([
  [
    'q',
    new Map([
      ['a', 2],
      ['b', 3],
    ]),
  ],
  ['r', new Map([['a', 0.5]])],
]);
const qrels = new Map([['q', new Map([['b', 1]])]]);

describe('toRun', () => {
  it('joins the lists of a query', async () => {
    expect(await toRun(lists)).toEqual(run);
  });

  it('makes of a teacher’s file what evaluate takes', async () => {
    const path = files.write('lists.jsonl', '{"query_id":"q","document_ids":["a","b"],"scores":[2,3]}\n');
    const found = await toRun(readTeacher(path, 'pylate'));
    expect(evaluate(found, qrels, { measures: ['mrr'] }).mean).toEqual({ mrr: 1 });
  });

  it('refuses two scores of one document', async () => {
    const twice = [...lists, { qid: 'q', docs: [{ docid: 'a', score: 1 }] }];
    await expect(toRun(twice)).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      message: expect.stringContaining('one score of document "a" for query "q"; found 2 and 1'),
    });
  });
});

describe('writeTeacher', () => {
  it('writes what readTeacher reads', async () => {
    const path = join(files.dir, 'w.jsonl');
    const some = lists.slice(0, 2);
    expect(await writeTeacher(some, { path, form: 'pylate' })).toMatchObject({ lists: 2, documents: 2 });
    expect(await toRun(readTeacher(path, 'pylate'))).toEqual(await toRun(some));
  });

  it('says what a form lacks', async () => {
    const asked = writeTeacher(lists, { path: join(files.dir, 'x'), form: 'hofstaetter' });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CKL_DATA' });
  });
});

describe('loadRun', () => {
  it('names what makes a run of a teacher’s lists', async () => {
    const path = files.write('h.tsv', '1.5\t0.5\t1\ta\tb\n');
    await expect(loadRun(path)).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      message: expect.stringContaining(`toRun(readTeacher(path, 'hofstaetter'))`),
    });
  });
});

describe('evaluate', () => {
  const path = files.write('t.jsonl', '{"query_id":"q","document_ids":["a"],"scores":[1]}\n');
  it.each<[string, unknown]>([
    ['a teacher’s lists', readTeacher(path, 'pylate')],
    ['lists', lists],
    ['an object', { q: { a: 1 } }],
    ['a promise', loadRun(path).catch(() => undefined)],
    ['nothing', undefined],
    ['a Map of objects', new Map([['q', { a: 1 }]])],
    ['a Map of ranks as text', new Map([['q', new Map([['a', '1']])]])],
  ])('refuses %s as a run, with a code', (_, given) => {
    const asked = () => evaluate(given as never, qrels);
    expect(asked).toThrow(expect.objectContaining({ code: 'ERR_CKL_TYPE' }) as Error);
    expect(asked).toThrow(/^run is .*; evaluate takes a Map of query id -> Map of document id -> score/);
  });

  it('refuses judgements that are none', () => {
    expect(() => evaluate(run, [] as never)).toThrow(/^qrels is .*; evaluate takes a Map/);
  });
});

it('a document listed again, where bad lines are left out, keeps the rank of its first line', async () => {
  const path = files.write('again', 'q Q0 a 1 3 t\nq Q0 b 2 2 t\nq Q0 a 3 1 t\n');
  const run = await loadRun(path, { skipBad: true, order: 'rank' });
  expect([...run.get('q')!.keys()]).toEqual(['a', 'b']);
});
