// Teacher files: every form is read as its users write it, and every form goes into every other and back.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  convertTeacher,
  readTeacher,
  WRITABLE_FORMS,
  type ScoredList,
  type TeacherForm,
  type WritableForm,
} from '../../../lib/data/index';
import { scratch } from './files';
import { haveShared, shared } from './shared';

const files = scratch();

async function read(content: string, form: TeacherForm, options = {}): Promise<ScoredList[]> {
  const lists: ScoredList[] = [];
  for await (const list of readTeacher(files.write('teacher', content), form, options)) lists.push(list);
  return lists;
}

describe('readTeacher', () => {
  it('trec: one list a query', async () => {
    expect(await read('1 Q0 a 1 9.5 t\n1 Q0 b 2 8 t\n2 Q0 a 1 7 t\n', 'trec')).toEqual([
      {
        qid: '1',
        docs: [
          { docid: 'a', score: 9.5 },
          { docid: 'b', score: 8 },
        ],
      },
      { qid: '2', docs: [{ docid: 'a', score: 7 }] },
    ]);
  });
  it('colbert', async () => {
    expect(await read('[3, [17, -1.5], [4, 2]]\n', 'colbert')).toEqual([
      {
        qid: '3',
        docs: [
          { docid: '17', score: -1.5 },
          { docid: '4', score: 2 },
        ],
        ids: { query: 'number', documents: 'number' },
      },
    ]);
    const [list] = await read('[3, [17, -1.5], [4, 2]]\n', 'colbert', { firstIsPositive: true });
    expect(list.docs.map((doc) => doc.label)).toEqual([1, 0]);
  });
  it('drops exact repeats of a document', async () => {
    expect((await read('[1,[2,3],[4,5],[2,3]]\n', 'colbert'))[0].docs.map((doc) => doc.docid)).toEqual([
      '2',
      '4',
    ]);
  });
  it('pylate, with arrays and with the printed arrays of older tables', async () => {
    const expected = [
      {
        qid: '5',
        docs: [
          { docid: '1', score: 0.5 },
          { docid: 'x', score: 0.25 },
        ],
        ids: { query: 'number', documents: 'text' },
      },
    ];
    expect(await read('{"query_id":5,"document_ids":[1,"x"],"scores":[0.5,0.25]}\n', 'pylate')).toEqual(
      expected,
    );
    const printed = JSON.stringify({ query_id: 5, document_ids: "[1, 'x']", scores: '[0.5, 0.25]' });
    expect(await read(`${printed}\n`, 'pylate')).toEqual(expected);
  });
  it('flagembedding: texts with ids of their own', async () => {
    const line = {
      query: 'q',
      pos: ['p'],
      neg: ['n', 'm'],
      pos_scores: [3],
      neg_scores: [2, 1],
      prompt: 'ignored',
    };
    const [list] = await read(JSON.stringify(line), 'flagembedding');
    expect(list.query).toBe('q');
    expect(list.docs.map(({ text, score, label }) => [text, score, label])).toEqual([
      ['p', 3, 1],
      ['n', 2, 0],
      ['m', 1, 0],
    ]);
    const again = await read(JSON.stringify({ ...line, query: 'other' }), 'flagembedding');
    expect(again[0].docs.map((doc) => doc.docid)).toEqual(list.docs.map((doc) => doc.docid));
    expect(again[0].qid).not.toBe(list.qid);
  });
  it('simlm', async () => {
    const line =
      '{"query_id":"7","query":"q","positives":{"doc_id":["a"],"score":[9]},"negatives":{"doc_id":["b"],"score":[1.5]}}';
    expect(await read(line, 'simlm')).toEqual([
      {
        qid: '7',
        query: 'q',
        docs: [
          { docid: 'a', score: 9, label: 1 },
          { docid: 'b', score: 1.5, label: 0 },
        ],
        ids: { query: 'text', documents: 'text' },
      },
    ]);
  });
  it('hofstaetter: pairs in any order become one list a query', async () => {
    expect(await read('9\t1\t1\ta\tx\n8\t2\t2\tb\ty\n9\t3\t1\ta\tz\n', 'hofstaetter')).toEqual([
      {
        qid: '1',
        docs: [
          { docid: 'a', score: 9, label: 1 },
          { docid: 'x', score: 1, label: 0 },
          { docid: 'z', score: 3, label: 0 },
        ],
      },
      {
        qid: '2',
        docs: [
          { docid: 'b', score: 8, label: 1 },
          { docid: 'y', score: 2, label: 0 },
        ],
      },
    ]);
  });
  it.each<[TeacherForm, string, number, string]>([
    ['trec', '1 Q0 a 1 1 t\n2 Q0 a 1 1 t\n1 Q0 b 1 1 t\n', 3, 'the lines of a query together'],
    ['trec', '1 Q0 a 1 1 t\n1 Q0 a 2 0 t\n', 2, 'each document once'],
    ['colbert', '[1,[2,3]]\n{"a":1}\n', 2, '[query, [document, score], …]'],
    ['colbert', '[1,[2,"3"]]\n', 1, 'a finite number as score 1'],
    ['colbert', '[1,[2,3],[2,4]]\n', 1, 'one score and one side for document "2"'],
    ['pylate', '{"query_id":1,"document_ids":[1],"scores":[]}\n', 1, 'as many scores as documents'],
    ['pylate', '{"query_id":1,"document_ids":[1.5],"scores":[1]}\n', 1, 'an id'],
    ['flagembedding', '{"query":"q","pos":["p"],"neg":[],"neg_scores":[]}\n', 1, 'an array as "pos_scores"'],
    ['simlm', '{"query_id":1,"positives":{"doc_id":[1],"score":[1]}}\n', 1, 'an object as "negatives"'],
    ['hofstaetter', '1\t2\t3\t4\n', 1, '5 columns'],
    ['hofstaetter', '9\t1\t1\ta\tx\n9\t1\t1\ta\ta\n', 2, 'one score and one side'],
    ['hofstaetter', '9\t9\t1\ta\ta\n', 1, 'one score and one side'],
    ['gpl', '1\ta\ta\t0\n', 1, 'one side for document "a"'],
    ['hofstaetter', '9\t1\t1\ta\tx\n8\t1\t1\ta\tx\n', 2, 'one score and one side'],
  ])('%s: a bad line says where and what (%#)', async (form, content, line, expected) => {
    const failure = await read(content, form).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'ERR_CKL_DATA', line });
    expect((failure as Error).message).toContain(expected);
  });
  it('refuses a form that does not exist', () => {
    expect(() => readTeacher('x', 'arrow' as TeacherForm)).toThrow(RangeError);
  });
});

describe('convertTeacher', () => {
  const score = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((x) => x + 0);
  const id = fc.oneof(
    fc.nat().map(String),
    fc.stringMatching(/^[a-z][a-z0-9_-]{0,9}$/),
    fc.constantFrom('007', '漢字'),
  );
  /** Lists every form can hold: positives first, and at least one document on each side. */
  const lists = fc.uniqueArray(
    fc.record({
      qid: id,
      docs: fc.uniqueArray(fc.record({ docid: id, score }), {
        minLength: 2,
        maxLength: 8,
        selector: (doc) => doc.docid,
      }),
      positives: fc.integer({ min: 1, max: 3 }),
    }),
    { selector: (list) => list.qid, maxLength: 5 },
  );

  // A margin says nothing of the scores themselves, and a tuple has texts in place of ids.
  const lossless = WRITABLE_FORMS.filter((form) => form !== 'gpl' && form !== 'sentence-transformers');

  it('takes every form through every other without loss', async () => {
    await fc.assert(
      fc.asyncProperty(
        lists,
        fc.shuffledSubarray(lossless, { minLength: lossless.length }),
        async (raw, route) => {
          const qrels = new Map<string, Map<string, number>>();
          const original = raw.map(({ qid, docs, positives }) => {
            const count = Math.min(positives, docs.length - 1);
            qrels.set(qid, new Map(docs.slice(0, count).map((doc) => [doc.docid, 1])));
            return { qid, docs: docs.map((doc, i) => ({ ...doc, label: i < count ? 1 : 0 })) };
          });
          const texts = {
            queries: new Map(raw.map(({ qid }) => [qid, `query ${qid}`])),
            corpus: new Map(
              raw.flatMap(({ docs }) =>
                docs.map((doc) => [doc.docid, { title: '', text: `text ${doc.docid}` }]),
              ),
            ),
          };
          let from: { path: string; form: WritableForm } = {
            path: files.write(
              'start',
              original
                .map(
                  (list) =>
                    `${JSON.stringify({ query_id: list.qid, document_ids: list.docs.map((d) => d.docid), scores: list.docs.map((d) => d.score) })}\n`,
                )
                .join(''),
            ),
            form: 'pylate',
          };
          for (const [i, form] of route.entries()) {
            // Parquet is compressed inside.
            const end = form.startsWith('parquet') ? 'parquet' : 'gz';
            const to = { path: join(files.dir, `step${i}.${end}`), form };
            const result = await convertTeacher(from, to, { qrels, texts, ids: 'text' });
            expect(result).toMatchObject({ lists: original.length, skipped: 0 });
            from = to;
          }
          const back: unknown[] = [];
          for await (const { qid, docs } of readTeacher(from.path, from.form)) {
            back.push([qid, new Map(docs.map((doc) => [doc.docid, doc.score]))]);
          }
          expect(new Map(back as [])).toEqual(
            new Map(
              original.map(({ qid, docs }) => [qid, new Map(docs.map((doc) => [doc.docid, doc.score]))]),
            ),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('says what a form needs that the file lacks, and leaves no file behind', async () => {
    const from = { path: files.write('bare.jsonl', '[1,[2,3],[4,5]]\n'), form: 'colbert' as const };
    for (const [form, needs] of [
      ['simlm', 'labels (or qrels)'],
      ['hofstaetter', 'labels (or qrels)'],
      ['flagembedding', 'labels (or qrels)'],
    ] as const) {
      const to = { path: join(files.dir, `needs.${form}`), form };
      await expect(convertTeacher(from, to)).rejects.toMatchObject({
        code: 'ERR_CKL_DATA',
        expected: expect.stringContaining(needs),
      });
      expect(existsSync(to.path)).toBe(false);
      expect(existsSync(`${to.path}.partial`)).toBe(false);
    }
    const texts = {
      queries: new Map<string, string>(),
      corpus: new Map<string, { title: string; text: string }>(),
    };
    await expect(
      convertTeacher(
        from,
        { path: join(files.dir, 'x'), form: 'flagembedding' },
        { qrels: new Map(), texts },
      ),
    ).rejects.toThrow('texts (or a BEIR folder)');
  });

  it('counts what it leaves out under skipBad', async () => {
    const from = {
      path: files.write('mixed.jsonl', '[1,[2,3],[4,5]]\nnonsense\n[2,[2,3]]\n'),
      form: 'colbert' as const,
    };
    const to = { path: join(files.dir, 'pairs.tsv'), form: 'hofstaetter' as const };
    const qrels = new Map([['1', new Map([['4', 1]])]]);
    const result = await convertTeacher(from, to, { qrels, skipBad: true });
    expect(result).toMatchObject({ lists: 1, documents: 2, skipped: 2 });
    expect(result.errors.map((error) => error.line)).toEqual([2, 0]);
    expect(readFileSync(to.path, 'utf8')).toBe('5\t3\t1\t4\t2\n');
  });

  it('compresses where the name ends in .gz, and ranks runs by score', async () => {
    const from = { path: files.write('two.jsonl', '[1,[2,3],[4,5]]\n'), form: 'colbert' as const };
    const to = { path: join(files.dir, 'run.gz'), form: 'trec' as const };
    await convertTeacher(from, to, { tag: 'mine' });
    expect(gunzipSync(readFileSync(to.path)).toString()).toBe('1 Q0 4 1 5 mine\n1 Q0 2 2 3 mine\n');
  });
});

describe.skipIf(!haveShared)('real teacher scores (needs ../shared)', () => {
  it('E5 scores of SciFact: 547 lists, into ColBERT lines and back', async () => {
    const from = { path: shared('scifact/teacher_e5/E5_Results.txt.gz'), form: 'trec' as const };
    const to = { path: join(files.dir, 'e5.jsonl.gz'), form: 'colbert' as const };
    expect(await convertTeacher(from, to)).toMatchObject({ lists: 547, documents: 54560, skipped: 0 });
    const before = readTeacher(from.path, 'trec')[Symbol.asyncIterator]();
    for await (const list of readTeacher(to.path, 'colbert'))
      expect(list).toEqual({ ...(await before.next()).value, ids: { query: 'number', documents: 'number' } });
    expect((await before.next()).done).toBe(true);
  });
  it.each([
    ['msmarco.jsonl', 10],
    ['nq.jsonl.gz', 10],
  ])('FlagEmbedding example %s', async (name, count) => {
    const lists: ScoredList[] = [];
    for await (const list of readTeacher(shared('kd_scored/flagembedding', name), 'flagembedding'))
      lists.push(list);
    expect(lists).toHaveLength(count);
    for (const { docs } of lists) expect(docs.filter((doc) => doc.label === 1).length).toBeGreaterThan(0);
  });
});
