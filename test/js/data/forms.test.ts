// The forms of teacher scores: each is recognised by its content and read as it is written, and errors name the line.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  guessTeacherForm,
  openTeacher,
  readTeacher,
  type DataError,
  type TeacherForm,
} from '../../../lib/data/index';
import { scratch } from './files';
import { brief, lists } from './scored-lists';

const files = scratch();

const passage = (docid: string, score?: number) => ({ docid, title: '', text: `text ${docid}`, score });
const rankLlm = (qid: number | string) => ({
  query: { text: 'a query', qid },
  candidates: [
    { docid: 'a', score: 2.5, doc: { title: 'T', contents: 'x' } },
    { docid: 5, score: 1, doc: 'y' },
  ],
});

const both = ['1: a=2.5 b=-1', '2: a=0'];
describe.each<[TeacherForm, string, string[]]>([
  ['tsv', 'query_id\tpassage_id\tscore\n1\ta\t2.5\n1\tb\t-1\n2\ta\t0\n', both],
  ['tsv', 'score\tdocno\trank\tqid\n2.5\ta b\t1\t1\n', ['1: a b=2.5']],
  ['csv', 'qid,docno,score\n1,a,2.5\n1,b,-1\n2,a,0\n', both],
  ['csv', '"query_id","doc_id","score"\n"q, 1","say ""a""",7\n', ['q, 1: say "a"=7']],
  ['csv', '1,a,2.5\n1,b,-1\n2,a,0\n', both],
  [
    'jsonl',
    '{"qid":1,"query":"q","docno":"a","score":2.5}\n{"qid":1,"docno":"b","score":-1}\n{"qid":2,"docno":"a","score":0}\n',
    both,
  ],
  [
    'jsonl',
    '[\n {"query-id": "1", "corpus_id": "a", "score": 2.5},\n {"query-id": "1", "corpus_id": "b", "score": -1},\n {"query-id": "2", "corpus_id": "a", "score": 0}\n]\n',
    both,
  ],
  ['json', '{"1": {"a": 2.5, "b": -1}, "2": {"a": 0}}', both],
  ['json', '{\n  "1": {\n    "a": 2.5,\n    "b": -1\n  },\n  "2": {\n    "a": 0.0\n  }\n}\n', both],
  ['json', '{"1": {"a": 2.5, "b": -1}}\n{"2": {"a": 0}}\n', both],
  ['json', '{"q\\"}{": {"20": 1e-3, "3": 2, "\\u00e9,": 3}}', ['q"}{: 20=0.001 3=2 é,=3']],
  ['colbert-scores', '[1, [[2.5, "a"], [-1, "b"]]]\n[2, [[0, "a"]]]\n', both],
  [
    'hard-negatives',
    '{"qid":1,"pos":[{"pid":7,"ce-score":9}],"neg":{"bm25":[{"pid":8,"ce-score":1},{"pid":7,"ce-score":9}],"x":[{"pid":8,"ce-score":1},{"pid":9,"ce-score":-2}]}}\n',
    ['1: +7=9 -8=1 -9=-2'],
  ],
  [
    'tevatron',
    JSON.stringify({
      query_id: 1,
      query: 'q',
      positive_passages: [passage('a', 3)],
      negative_passages: [passage('b', 1)],
    }),
    ['1: +a=3 -b=1'],
  ],
  [
    'rank-llm',
    `${JSON.stringify(rankLlm(1))}\n${JSON.stringify(rankLlm('2'))}\n`,
    ['1: a=2.5 5=1', '2: a=2.5 5=1'],
  ],
  ['rank-llm', JSON.stringify([rankLlm(1), rankLlm('2')], null, 2), ['1: a=2.5 5=1', '2: a=2.5 5=1']],
  [
    'sentence-transformers',
    '{"query":"1","positive":"2","negative_1":"3","negative_2":4,"scores":[3,2,1]}\n',
    ['1: +2=3 -3=2 -4=1'],
  ],
  ['sentence-transformers', '{"anchor":1,"passage":2,"negative":3,"score":1.5}\n', ['1: +2=0 -3=-1.5']],
  ['sentence-transformers', '{"query":1,"docs":["2","3"],"labels":[0.5,0.25]}\n', ['1: 2=0.5 3=0.25']],
  [
    'gpl',
    '1\ta\tx\t2.5\n2\tb\ty\t1\n1\ta\tz\t-1\n1\tc\tx\t3\n',
    ['1: +a=0 +c=0.5 -x=-2.5 -z=1', '2: +b=0 -y=-1'],
  ],
])('%s %j', (form, content, expected) => {
  it('is told, and read', async () => {
    const path = files.write('teacher', content);
    expect(await guessTeacherForm(path)).toBe(form);
    expect(brief(await lists((await openTeacher(path)).lists()))).toEqual(expected);
    expect(brief(await lists(readTeacher(path, form)))).toEqual(expected);
    expect(
      brief(await lists(readTeacher(files.write('teacher', gzipSync(`\uFEFF${content}`)), form))),
    ).toEqual(expected);
  });
});

it.each<[unknown, string | undefined]>([
  ['as it is', 'as it is'],
  [{ title: 'A title', contents: 'and text' }, 'A title and text'],
  [{ title: '', contents: 'no title' }, 'no title'],
  [{ title: 3, text: 'no title' }, 'no title'],
  [{ title: 'only a title' }, undefined],
  [{ contents: 5, segment: 'a segment' }, 'a segment'],
  [{ passage: 'a passage' }, 'a passage'],
  [{}, undefined],
  [null, undefined],
  [7, undefined],
])('the text of a rank_llm document %j is %j', async (doc, text) => {
  const record = { query: { qid: 1 }, candidates: [{ docid: 'a', score: 1, doc }] };
  const path = files.write('teacher', `${JSON.stringify(record)}\n`);
  const [list] = await lists(readTeacher(path, 'rank-llm'));
  expect(list.docs).toEqual([text === undefined ? { docid: 'a', score: 1 } : { docid: 'a', score: 1, text }]);
});

describe.each<[TeacherForm, object, string]>([
  ['pylate', { query_id: 1, document_ids: [2, 3], scores: [2.5, 1] }, '1: 2=2.5 3=1'],
  [
    'simlm',
    {
      query_id: '1',
      query: 'q',
      positives: { doc_id: ['2'], score: [2] },
      negatives: { doc_id: ['3'], score: [1] },
    },
    '1: +2=2 -3=1',
  ],
  [
    'flagembedding',
    {
      query: 'q',
      pos: ['a'],
      neg: ['b'],
      pos_scores: [2],
      neg_scores: [1],
      query_id: 1,
      pos_id: [2],
      neg_id: [3],
    },
    '1: +2=2 -3=1',
  ],
  [
    'hard-negatives',
    { qid: 1, pos: [{ pid: 2, 'ce-score': 2 }], neg: { x: [{ pid: 3, 'ce-score': 1 }] } },
    '1: +2=2 -3=1',
  ],
])('%s in one array', (form, list, expected) => {
  it.each([
    ['in one line', JSON.stringify([list, list])],
    ['indented', JSON.stringify([list, list], null, 2)],
    ['an object a line', `[\n${JSON.stringify(list)},\n${JSON.stringify(list)}\n]\n`],
  ])('%s', async (_, content) => {
    const path = files.write('array.json', content);
    expect(await guessTeacherForm(path)).toBe(form);
    expect(brief(await lists((await openTeacher(path)).lists()))).toEqual([expected, expected]);
  });
  it('in one line that is longer than may be read at once', async () => {
    const path = files.write('long.json', JSON.stringify(Array.from({ length: 5000 }, () => list)));
    const options = { maxLineBytes: 10_000 };
    const { form: told, lists: open } = await openTeacher(path, options);
    expect([told, (await lists(open())).length]).toEqual([form, 5000]);
  });
  it('names the line that a bad object begins in', async () => {
    const bad = { ...list, neg: 1, negatives: 1, scores: [1] };
    for (const space of [undefined, 2]) {
      const path = files.write(
        'bad.json',
        `[\n${JSON.stringify(list)},\n${JSON.stringify(bad, null, space)}\n]`,
      );
      await expect(lists(readTeacher(path, form))).rejects.toMatchObject({ line: 3 });
    }
  });
});

it('a list without documents is none', async () => {
  const path = files.write('none', '{"query_id":1,"document_ids":[],"scores":[]}\n');
  await expect(lists(readTeacher(path, 'pylate'))).rejects.toThrow('documents of query "1"; found none');
});

it('texts come with their lists', async () => {
  const [ranked] = await lists(readTeacher(files.write('r', JSON.stringify(rankLlm(1))), 'rank-llm'));
  expect([ranked.query, ...ranked.docs.map(({ text }) => text)]).toEqual(['a query', 'T x', 'y']);
  const tuple = '{"q":"who?","a":"me","negative":"you","scores":[2,1]}\n';
  const [list] = await lists(readTeacher(files.write('t', tuple), 'sentence-transformers'));
  expect([list.query, ...list.docs.map(({ text, label }) => `${text} ${label}`)]).toEqual([
    'who?',
    'me 1',
    'you 0',
  ]);
  expect(list.docs[0].docid).toMatch(/^[0-9a-f]{16}$/);
});

describe('a bad line says where and what', () => {
  it.each<[TeacherForm, string, number, string]>([
    ['tsv', 'qid\tdocno\tscore\n1\ta\n', 2, '3 columns'],
    ['tsv', '1\ta\t5\n1\ta\t6\n', 2, 'one score of document "a"'],
    ['tsv', '1\ta\thigh\n', 1, 'a finite number as score'],
    ['csv', '1,a,2\n1,"b,3\n', 2, 'a closing quote'],
    ['csv', '1,a,2\n1,"b"c,3\n', 2, 'a comma after a quoted column'],
    ['jsonl', '{"qid":1,"docno":"a","score":1}\n{"qid":1,"score":1}\n', 2, 'a query, a document and a score'],
    ['jsonl', '{"qid":9007199254740993,"docno":"a","score":1}\n', 1, 'an id'],
    [
      'json',
      '{"1": {"a": 1},\n"2": {"a": NaN}}\n',
      2,
      'a finite number as the score of document "a" of query "2"',
    ],
    ['json', '{"1": {"a": 1, "a": 2}}\n', 1, 'each document once for query "1"'],
    ['json', '{"1": {"a": 1},\n\n"2": 5}\n', 3, '{ before the documents of query "2"'],
    ['json', '{"1": {"a": 1}, "2": {"b"', 1, 'a } at the end'],
    ['json', '{"1": {"a": 1},, "2": {"a": 1}}', 1, 'a value between two commas'],
    ['json', '{"1": {"a": 1}] ', 1, 'a JSON object'],
    ['json', '{"1": {}}', 1, 'documents of query "1"'],
    ['colbert-scores', '[1,[[2,3]]]\n[1,[3,2]]\n', 2, '[score, document]'],
    ['hard-negatives', '{"qid":1,"pos":[7],"neg":{"bm25":[8]}}\n', 1, 'these lists of ids have no scores'],
    [
      'tevatron',
      JSON.stringify({ query_id: 1, positive_passages: [passage('a')], negative_passages: [] }),
      1,
      `"score", the teacher's`,
    ],
    [
      'tevatron',
      '{"query_id":1,"positive_document_ids":["a"],"negative_document_ids":[]}',
      1,
      'with the teacher',
    ],
    [
      'rank-llm',
      '\n[\n{"query":{"qid":1},"candidates":[{"docid":2}]}]',
      3,
      'a finite number as "candidates"[0].score',
    ],
    ['sentence-transformers', '{"query":"q","positive":"p","negative":"n"}\n', 1, "the teacher's scores"],
    ['sentence-transformers', '{"query":"q","docs":["p","n"],"labels":[1,0]}\n', 1, "the teacher's scores"],
    [
      'sentence-transformers',
      '{"query":"q","positive":"p","negative":"n","scores":[1]}\n',
      1,
      'as many scores',
    ],
    ['gpl', '1\ta\tx\t1\n1\tc\tx\t1\n1\tc\tx\t2\n', 3, 'a margin of 1 between'],
    ['gpl', '1\ta\tx\t1\n1\tx\ta\t1\n', 2, 'one side for document "x"'],
    ['gpl', '1\ta\tx\t1\n1\tc\ty\t1\n', 0, 'a negative that the positives of query "1" share'],
  ])('%s %j', async (form, content, line, expected) => {
    const path = files.write('bad', content);
    const error = await lists(readTeacher(path, form)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_CKL_DATA', line });
    expect((error as DataError).expected).toContain(expected);
    const left = readTeacher(path, form, { skipBad: true });
    await lists(left);
    expect(left.skipped).toBeGreaterThan(0);
  });

  it('and the rest is read all the same', async () => {
    const text = '{"1": {"a": 1}, "2": {"a": "x"}, "3": {"a": 3}}\n';
    expect(brief(await lists(readTeacher(files.write('bad', text), 'json', { skipBad: true })))).toEqual([
      '1: a=1',
      '3: a=3',
    ]);
  });
});

it('judgements with commas are none', async () => {
  await expect(guessTeacherForm(files.write('q', 'query-id,corpus-id,score\n1,2,1\n'))).rejects.toThrow(
    'judgements',
  );
});

it('whole numbers are scores where the form says so', async () => {
  expect(brief(await lists(readTeacher(files.write('t', '1\ta\t9\n1\tb\t7\n1\tc\t7\n'), 'tsv')))).toEqual([
    '1: a=9 b=7 c=7',
  ]);
});

describe('ids with spaces between tabs', () => {
  it.each<[string, TeacherForm, string[]]>([
    ['1 2\td 3\t2.5\n1 2\td 4\t1.5\n', 'trec', ['1 2: d 3=2.5 d 4=1.5']],
    ['q 1\td\t2.5\n', 'trec', ['q 1: d=2.5']],
    ['1\td 7\t2.5\n', 'trec', ['1: d 7=2.5']],
    ['1 2\td\t1\n', 'trec', ['1 2: d=-1']],
    ['q 1\tQ0\td 1\t1\t2.5\tt\n', 'trec', ['q 1: d 1=2.5']],
    ['q 1\ta b\tc\t2.5\n', 'gpl', ['q 1: +a b=0 -c=-2.5']],
    ['2\t1\tq 1\ta b\tc\n', 'hofstaetter', ['q 1: +a b=2 -c=1']],
  ])('%j', async (content, form, expected) => {
    const path = files.write('spaces', content);
    expect(await guessTeacherForm(path)).toBe(form);
    expect(brief(await lists((await openTeacher(path)).lists()))).toEqual(expected);
  });
});

it('judgements without a header or as JSON lines are no teacher', async () => {
  const path = files.write('levels', '1\t2\t1\n1\t3\t0\n1\t4\t1\n');
  await expect(lists(readTeacher(path, 'trec'))).rejects.toMatchObject({ line: 3 });
  const json = files.write('levels', '{"query-id":"1","corpus-id":"2","score":1}\n');
  await expect(guessTeacherForm(json)).rejects.toThrow('judgements (qrels)');
});

it('an object on one line takes memory for one query, not for the file', () => {
  // 120 MB, where a line may have 64 MiB and the process 100 MB of heap.
  const script = `
    const { openTeacher } = require(${JSON.stringify(join(__dirname, '../../../dist/data/index.js'))});
    (async () => {
      const teacher = await openTeacher('/dev/stdin');
      let documents = 0;
      for await (const { docs } of teacher.lists()) documents += docs.length;
      console.log(teacher.form, documents);
    })();`;
  const query = (qid: number) =>
    `"${qid}":{${Array.from({ length: 1000 }, (_, i) => `"${7000000 + i}":${i / 1000}`).join(',')}}`;
  const entry = query(1);
  const count = Math.ceil(120e6 / entry.length);
  const make = `process.stdout.write('{'); for (let i = 0; i < ${count}; i++) process.stdout.write((i ? ',' : '') + require('fs').readFileSync(process.argv[1], 'utf8').replace('"1"', '"' + i + '"')); process.stdout.write('}')`;
  const piece = files.write('piece', entry);
  const out = execFileSync(
    'sh',
    [
      '-c',
      '"$0" -e "$1" "$2" | "$0" --max-old-space-size=100 -e "$3"',
      process.execPath,
      make,
      piece,
      script,
    ],
    { encoding: 'utf8' },
  );
  expect(out).toBe(`json ${count * 1000}\n`);
}, 120_000);
