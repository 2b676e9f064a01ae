// Conversion from one form of teacher scores into another: each form as it is written, and ids that keep their type.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  convertTeacher,
  guessTeacherForm,
  readTeacher,
  type TeacherForm,
  type WritableForm,
} from '../../../lib/data/index';
import { scratch } from './files';
import { brief, lists } from './scored-lists';

const files = scratch();

describe('conversion', () => {
  const run = '1 Q0 30 1 3.5 t\n1 Q0 4 2 -1 t\n2 Q0 4 1 2 t\n2 Q0 5 2 1 t\n';
  const qrels = new Map([
    ['1', new Map([['30', 1]])],
    ['2', new Map([['5', 1]])],
  ]);
  const texts = {
    queries: new Map([
      ['1', 'one?'],
      ['2', 'two?'],
    ]),
    corpus: new Map(['30', '4', '5'].map((id) => [id, { title: '', text: `text ${id}` }])),
  };
  it.each<[WritableForm, string]>([
    ['tsv', 'query_id\tdoc_id\tscore\n1\t30\t3.5\n1\t4\t-1\n2\t4\t2\n2\t5\t1\n'],
    ['csv', 'query_id,doc_id,score\n1,30,3.5\n1,4,-1\n2,4,2\n2,5,1\n'],
    [
      'jsonl',
      '{"query_id":1,"doc_id":30,"score":3.5}\n{"query_id":1,"doc_id":4,"score":-1}\n{"query_id":2,"doc_id":4,"score":2}\n{"query_id":2,"doc_id":5,"score":1}\n',
    ],
    ['json', '{\n"1":{"30":3.5,"4":-1},\n"2":{"4":2,"5":1}\n}\n'],
    ['gpl', '1\t30\t4\t4.5\n2\t5\t4\t-1\n'],
    ['colbert-scores', '[1,[[3.5,30],[-1,4]]]\n[2,[[2,4],[1,5]]]\n'],
    [
      'rank-llm',
      '{"query":{"text":"one?","qid":"1"},"candidates":[{"docid":"30","score":3.5,"doc":{"contents":"text 30"}},{"docid":"4","score":-1,"doc":{"contents":"text 4"}}]}\n' +
        '{"query":{"text":"two?","qid":"2"},"candidates":[{"docid":"4","score":2,"doc":{"contents":"text 4"}},{"docid":"5","score":1,"doc":{"contents":"text 5"}}]}\n',
    ],
    [
      'hard-negatives',
      '{"qid":1,"pos":[{"pid":30,"ce-score":3.5}],"neg":{"teacher":[{"pid":4,"ce-score":-1}]}}\n{"qid":2,"pos":[{"pid":5,"ce-score":1}],"neg":{"teacher":[{"pid":4,"ce-score":2}]}}\n',
    ],
    [
      'sentence-transformers',
      '{"query":"one?","docs":["text 30","text 4"],"scores":[3.5,-1]}\n{"query":"two?","docs":["text 4","text 5"],"scores":[2,1]}\n',
    ],
  ])('into %s', async (form, expected) => {
    const to = { path: join(files.dir, 'target'), form };
    const result = await convertTeacher({ path: files.write('run', run) }, to, { qrels, texts });
    expect(result.lists).toBe(2);
    expect(readFileSync(to.path, 'utf8')).toBe(expected);
    expect(await guessTeacherForm(to.path)).toBe(form);
  });

  it('of ids with commas, quotes and tabs', async () => {
    const pairs = { path: files.write('c', '[" 1 ",[[2,"a,b"]]]\n'), form: 'colbert-scores' as const };
    const csv = join(files.dir, 'target');
    await convertTeacher(pairs, { path: csv, form: 'csv' });
    expect(readFileSync(csv, 'utf8')).toBe('query_id,doc_id,score\n" 1 ","a,b",2\n');
    const from = { path: files.write('c', '[1,["a,\\"b",1]]\n'), form: 'colbert' as const };
    const to = join(files.dir, 'target');
    await convertTeacher(from, { path: to, form: 'csv' });
    expect(brief(await lists(readTeacher(to, 'csv')))).toEqual(['1: a,"b=1']);
    const tab = { path: files.write('c', '[1,["a\\tb",1]]\n'), form: 'colbert' as const };
    await expect(convertTeacher(tab, { path: to, form: 'tsv' })).rejects.toThrow('ids without tabs');
    await expect(convertTeacher(from, { path: to, form: 'arrow' as WritableForm })).rejects.toThrow(
      'unknown teacher form',
    );
  });
});

describe('ids keep the type that the file gives them', () => {
  const passages = (id: number | string) => [{ docid: id, title: '', text: 'x', score: 1 }];
  /** A list of query and document 1971 in each form that holds numbers and texts. */
  const forms: [TeacherForm, (id: number | string) => unknown][] = [
    ['colbert', (id) => [id, [id, 1]]],
    ['colbert-scores', (id) => [id, [[1, id]]]],
    ['pylate', (id) => ({ query_id: id, document_ids: [id], scores: [1] })],
    ['jsonl', (id) => ({ qid: id, docno: id, score: 1 })],
    [
      'simlm',
      (id) => ({
        query_id: id,
        positives: { doc_id: [id], score: [1] },
        negatives: { doc_id: [], score: [] },
      }),
    ],
    [
      'flagembedding',
      (id) => ({
        query: 'q',
        pos: ['a'],
        neg: [],
        pos_scores: [1],
        neg_scores: [],
        query_id: id,
        pos_id: [id],
      }),
    ],
    ['hard-negatives', (id) => ({ qid: id, pos: [{ pid: id, 'ce-score': 1 }], neg: {} })],
    [
      'tevatron',
      (id) => ({ query_id: id, query: 'q', positive_passages: passages(id), negative_passages: [] }),
    ],
    ['rank-llm', (id) => ({ query: { qid: id, text: 'q' }, candidates: [{ docid: id, score: 1 }] })],
    ['sentence-transformers', (id) => ({ query: id, docs: [id], scores: [1] })],
  ];
  it.each(forms)('%s', async (form, make) => {
    for (const id of [1971, '1971']) {
      const from = { path: files.write('typed', `${JSON.stringify(make(id))}\n`), form };
      const to = { path: join(files.dir, 'target'), form: 'colbert' as const };
      await convertTeacher(from, to);
      expect(readFileSync(to.path, 'utf8')).toBe(`${JSON.stringify([id, [id, 1]])}\n`);
    }
  });
  it('pickle and Parquet', async () => {
    for (const form of ['pickle', 'parquet', 'parquet-rows'] as const)
      for (const id of [1971, '1971']) {
        const content = `${JSON.stringify([id, [id, 1]])}\n`;
        const between = { path: join(files.dir, `between.${form}`), form };
        const to = { path: join(files.dir, 'target'), form: 'colbert' as const };
        await convertTeacher({ path: files.write('typed', content) }, between);
        await convertTeacher({ path: between.path }, to);
        expect(readFileSync(to.path, 'utf8')).toBe(content);
      }
  });
});
