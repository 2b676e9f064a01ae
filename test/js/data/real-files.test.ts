// Files as people hold them: judgements in several files, ids with spaces, ids of one type a column, pipes, and what is no teacher at all.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  convertTeacher,
  guessTeacherForm,
  loadQrels,
  loadRun,
  mergeQrels,
  openTeacher,
  readCorpus,
  readRun,
  TEACHER_FORMS,
  type DataError,
  type Qrels,
  type WritableForm,
} from '../../../lib/data/index';
import { scratch } from './files';
import { pieces } from '../../fuzz/pieces';

const files = scratch();
const table = (text: string): Promise<Qrels> => loadQrels(files.write('qrels', text));
const run = (text: string) => readRun(files.write('run', text)).collect();

describe('judgements of one query in several files', () => {
  it('are joined, and may repeat each other', async () => {
    const [a, b] = [await table('1 0 x 1\n2 0 y 1\n'), await table('1 0 z 2\n1 0 x 1\n')];
    expect(
      mergeQrels([
        ['a', a],
        ['b', b],
      ]),
    ).toEqual(
      new Map([
        [
          '1',
          new Map([
            ['x', 1],
            ['z', 2],
          ]),
        ],
        ['2', new Map([['y', 1]])],
      ]),
    );
    expect(a.get('1')!.size).toBe(1);
  });

  it('must not contradict each other; with skipBad the first holds', async () => {
    const parts = [
      ['a', await table('1 0 x 1\n')],
      ['b', await table('1 0 x 0\n')],
    ] as const;
    expect(() => mergeQrels(parts)).toThrow(
      'b: expected level 1 of document "x" of query "1", as another file has it; found level 0',
    );
    const skipped: DataError[] = [];
    expect(
      mergeQrels(parts, { skipBad: true, onSkip: (error) => skipped.push(error) })
        .get('1')!
        .get('x'),
    ).toBe(1);
    expect(skipped).toHaveLength(1);
  });
});

describe('lines of a run', () => {
  it.each([
    ['q 1\tQ0\tdoc 7\t3\t0.5\tmy tag\n', { qid: 'q 1', docid: 'doc 7', rank: 3, score: 0.5, tag: 'my tag' }],
    ['q1\tQ0\tdoc 7\t3\t0.5\n', { qid: 'q1', docid: 'doc 7', rank: 3, score: 0.5, tag: '' }],
    ['q1\tdoc 7\t3\n', { qid: 'q1', docid: 'doc 7', rank: 3, score: -3 }],
    ['q1\tdoc 7\t3.0\n', { qid: 'q1', docid: 'doc 7', rank: NaN, score: 3 }],
    // Tabs before the last columns alone part no ids.
    ['q1 Q0 d1\t3\t0.5 my tag\n', { qid: 'q1', docid: 'd1', rank: 3, score: 0.5, tag: 'my tag' }],
    ['q1 Q0 d1\t3\t0.5\n', { qid: 'q1', docid: 'd1', rank: 3, score: 0.5 }],
    // As trec_eval takes them.
    ['q1 Q0 d1 - -inf t\n', { rank: NaN, score: -Infinity }],
    ['q1 Q0 d1 1.0 Inf t\n', { rank: NaN, score: Infinity }],
    ['#7 Q0 d1 1 2 t\n', { qid: '#7', score: 2 }],
  ])('%j', async (line, expected) => {
    expect(await run(`# a comment of any length, with words\n#\n#one more\n${line}`)).toMatchObject([
      expected,
    ]);
  });

  it.each([
    ['1 a 1\n1 b 2.5\n', 2, 'a whole number as rank, as in the first line'],
    ['1 a 1\n1 b 1\n', 2, 'each rank once for a query'],
    ['1 a 31\n1 b 25\n1 c 17\n', 0, 'ranks, from the best on'],
  ])('of three columns that are no ranks: %j', async (text, line, expected) => {
    const error = await loadRun(files.write('run', text)).then(
      () => undefined,
      (reason: DataError) => reason,
    );
    expect(error).toMatchObject({ line, expected: expect.stringContaining(expected) as string });
  });

  it('of three columns: a decimal point makes scores, and six columns may hold what they like', async () => {
    const scores = await loadRun(files.write('run', '1 a 31.0\n1 b 25\n1 c 25\n'));
    expect([...scores.get('1')!.values()]).toEqual([31, 25, 25]);
    expect(
      (await loadRun(files.write('run', '1 Q0 a 0 0 t\n1 Q0 b 0 0 t\n1 Q0 c 9 -9 t\n'))).get('1')!.size,
    ).toBe(3);
    await expect(loadRun(files.write('run', '1 Q0 a x 1 t\n'), { order: 'rank' })).rejects.toMatchObject({
      line: 1,
      expected: 'a whole number as rank',
    });
  });
});

it('a level may be written 1.0, and is never NaN', async () => {
  expect((await table('# by hand\n1 0 x 1.0\n1 0 y -1.\n')).get('1')).toEqual(
    new Map([
      ['x', 1],
      ['y', -1],
    ]),
  );
  await expect(table('1 0 x 1.5\n')).rejects.toThrow('a whole number as level');
  await expect(table(`1 0 x ${'9'.repeat(400)}\n`)).rejects.toThrow(
    'a whole number of at most 9007199254740991 as level',
  );
});

describe('conversion', () => {
  const convert = async (text: string, to: WritableForm, options: object = {}) => {
    const target = join(files.dir, 'target');
    const result = await convertTeacher(
      { path: files.write('source', text) },
      { path: target, form: to },
      options,
    );
    return { ...result, text: readFileSync(target, 'utf8') };
  };

  it.each([
    ['["1971",["5",1],["q",2]]\n["8",["9",3]]\n', 'colbert'],
    ['[1971,[5,1]]\n', 'colbert'],
    ['{"query_id":7,"document_ids":["5"],"scores":[1]}\n', 'pylate'],
  ] as const)('keeps the type of ids: %j', async (text, form) => {
    expect((await convert(text, form)).text).toBe(text);
  });

  it('writes ids of one type a column, or says how', async () => {
    const trec = '1 Q0 5 1 2 t\nq2 Q0 6 1 2 t\n';
    await expect(convert(trec, 'colbert')).rejects.toThrow('--ids text');
    expect((await convert(trec, 'colbert', { ids: 'text' })).text).toBe('["1",["5",2]]\n["q2",["6",2]]\n');
    await expect(convert(trec, 'colbert', { ids: 'number' })).rejects.toThrow('found "q2" in query "q2"');
    expect((await convert('1 Q0 a 1 2 t\n1 Q0 5 2 1 t\n', 'pylate')).text).toBe(
      '{"query_id":1,"document_ids":["a","5"],"scores":[2,1]}\n',
    );
  });

  it('joins a query on several lines, or refuses to tear it apart', async () => {
    const { text, lists } = await convert('[1,[2,3]]\n[1,[4,5],[2,3]]\n[7,[2,1]]\n', 'trec');
    expect([lists, text]).toEqual([2, '1 Q0 4 1 5 teacher\n1 Q0 2 2 3 teacher\n7 Q0 2 1 1 teacher\n']);
    await expect(convert('[1,[2,3]]\n[7,[2,1]]\n[1,[4,5]]\n', 'trec')).rejects.toThrow('query "1" again');
    expect((await convert('[1,[2,3]]\n[7,[2,1]]\n[1,[4,5]]\n', 'pylate')).lists).toBe(3);
    await expect(convert('[1,[2,3]]\n[1,[2,4]]\n', 'trec')).rejects.toThrow(
      'one score and one side for document "2" of query "1"',
    );
  });

  it('makes labels from the level on that is asked for', async () => {
    const qrels = await table('1 0 2 1\n1 0 4 2\n');
    const { text } = await convert('[1,[2,3],[4,5]]\n', 'hofstaetter', { qrels, level: 2 });
    expect(text).toBe('5\t3\t1\t4\t2\n');
  });

  it('that leaves all out is an error, and leaves the target as it was', async () => {
    const target = files.write('target', 'before');
    const from = files.write('source', 'nonsense\n');
    await expect(
      convertTeacher({ path: from, form: 'colbert' }, { path: target, form: 'trec' }, { skipBad: true }),
    ).rejects.toThrow('expected at least one list; found none but what is left out (1)');
    expect(readFileSync(target, 'utf8')).toBe('before');
  });
});

describe('what is no teacher', () => {
  it.each([
    ['query-id\tcorpus-id\tscore\nq\td\t1\n', 'judgements (qrels)'],
    ['\n1 0 d 1\n', 'judgements (qrels)'],
    ['{"qid": 1, "passages": {}}\n', '"document_ids" and "scores" (PyLate)'],
    ['{"qid": 1, "negs": [1]}\n', 'an object with "qid", "negs"'],
  ])('%j is told so', async (text, expected) => {
    await expect(guessTeacherForm(files.write('what', text))).rejects.toThrow(expected);
  });

  it('FlagEmbedding without scores is told what makes them', async () => {
    const path = files.write('flag', '{"query":"q","pos":["a"],"neg":["b"]}\n');
    expect(await guessTeacherForm(path)).toBe('flagembedding');
    const { lists } = await openTeacher(path);
    await expect(lists()[Symbol.asyncIterator]().next()).rejects.toThrow('add_reranker_score.py');
  });

  it('NaN in a long line is named, with its place', async () => {
    const scores = Array.from({ length: 500 }, (_, i) => (i === 400 ? 'NaN' : '1.5'));
    const line = `{"query_id":1,"document_ids":[${scores.map((_, i) => i)}],"scores":[${scores.join(', ')}]}\n`;
    const { lists } = await openTeacher(files.write('nan', line));
    await expect(lists()[Symbol.asyncIterator]().next()).rejects.toThrow(
      /expected JSON; found NaN, in ".*NaN.*" at character \d+/,
    );
  });
});

describe.skipIf(process.platform === 'win32')('pipes', () => {
  it.each([false, true])('are read once, told apart by content (gzip: %s)', async (gzip) => {
    const text = '\n\n[1,[2,3],[4,5]]\n[2,[2,1]]\n';
    const fifo = join(files.dir, `fifo-${gzip}`);
    execFileSync('mkfifo', [fifo]);
    const source = files.write('source', gzip ? gzipSync(text) : text);
    const reading = openTeacher(fifo);
    const writing = promisify(execFile)('sh', ['-c', `cat "${source}" > "${fifo}"`]);
    const { form, lists } = await reading;
    expect(form).toBe('colbert');
    const read: string[] = [];
    for await (const { qid } of lists()) read.push(qid);
    expect(read).toEqual(['1', '2']);
    await writing;
  });

  it('that hand out one byte at a time', async () => {
    const fifo = join(files.dir, 'slow');
    execFileSync('mkfifo', [fifo]);
    const reading = loadRun(fifo);
    const bytes = gzipSync('1 Q0 a 1 2 t\n');
    const parts = files.write('slow.bin', bytes);
    const writing = promisify(execFile)('sh', [
      '-c',
      `(dd bs=1 count=1; sleep 0.1; cat) < "${parts}" > "${fifo}" 2>/dev/null`,
    ]);
    expect((await reading).get('1')).toEqual(new Map([['a', 2]]));
    await writing;
  });
});

it('whatever stands in a file, a reader gives records or a DataError', async () => {
  const piece = fc.constantFrom(
    ...[
      '{"_id":"1","text":"a"}',
      '[1,[2,3]]',
      '{"query_id":1,"document_ids":"[1, \'a\']","scores":[1,2]}',
      '1 Q0 a 1 2 t',
      '1\t0\ta\t1',
    ],
    ...[
      '{"query":"q","pos":["p"],"neg":[],"pos_scores":[1],"neg_scores":[]}',
      '{"query_id":1,"positives":{"doc_id":[1],"score":[2]}}',
    ],
    ...pieces,
  );
  const readers: ((path: string) => Promise<unknown>)[] = [
    (path) => readCorpus(path).collect(),
    (path) => loadRun(path, { order: 'rank' }),
    (path) => loadQrels(path),
    async (path) => {
      for await (const list of (await openTeacher(path)).lists())
        expect(list.docs.every(({ score }) => Number.isFinite(score))).toBe(true);
    },
    ...TEACHER_FORMS.map(
      (form) => (path: string) =>
        convertTeacher({ path, form }, { path: join(files.dir, 'out'), form: 'pylate' }, { skipBad: true }),
    ),
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.boolean(), async (pieces, zipped) => {
      const bytes = Buffer.from(pieces.join(''));
      const path = files.write('anything', zipped ? gzipSync(bytes) : bytes);
      for (const read of readers)
        await read(path).catch((error: unknown) => expect(error).toMatchObject({ code: 'ERR_CKL_DATA' }));
    }),
    { numRuns: Number(process.env.CKL_FUZZ_FILES ?? 100) },
  );
});
