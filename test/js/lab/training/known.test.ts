// What is said of a teacher's file and a folder that do not fit together, and what --skip-bad leaves of them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DataError } from '../../../../lib/data/index';
import { loadCollection } from '../../../../lib/lab/students/words/bags';
import { loadTrainingData } from '../../../../lib/lab/students/linear/lists';
import { scratch } from '../../data/files';

const files = scratch();
let folders = 0;

/** Two queries with three documents each, some of its files replaced. */
function folder(change: Record<string, string> = {}): [dir: string, teacher: string] {
  const dir = join(files.dir, `beir${folders++}`);
  mkdirSync(join(dir, 'qrels'), { recursive: true });
  const all = {
    'corpus.jsonl': ['a', 'b', 'c'].map((id) => `{"_id":"${id}","text":"word ${id}"}\n`).join(''),
    'queries.jsonl': '{"_id":"q1","text":"word a"}\n{"_id":"q2","text":"word b"}\n',
    'qrels/test.tsv': 'q1\ta\t1\nq2\tb\t1\n',
    teacher: ['q1', 'q2']
      .flatMap((q) => ['a', 'b', 'c'].map((d, i) => `${q} Q0 ${d} ${i} ${9 - i} t\n`))
      .join(''),
    ...change,
  };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(dir, name), text);
  return [dir, join(dir, 'teacher')];
}

describe.each([
  ['refine', (dir: string, teacher: string, reading?: object) => loadCollection(dir, teacher, reading)],
  [
    'train',
    (dir: string, teacher: string, reading?: object) => loadTrainingData(dir, teacher, undefined, reading),
  ],
])('the data of %s', (_, load) => {
  const skipping = async (change: Record<string, string>) => {
    const skipped: DataError[] = [];
    const onSkip = (error: DataError) => skipped.push(error);
    const { lists } = await load(...folder(change), { skipBad: true, onSkip });
    return { lists, skipped: skipped.map(({ message }) => message.replace(/^.*\//, '')) };
  };

  it('leaves them out without being asked who counts', async () => {
    const change = { 'queries.jsonl': '{"_id":"q2","text":"word b"}\n' };
    const { lists } = await load(...folder(change), { skipBad: true });
    expect(lists.map(({ qid }) => qid)).toEqual(['q2']);
  });

  it('leaves out candidates and queries whose lines were left out, and counts them', async () => {
    const { lists, skipped } = await skipping({
      'corpus.jsonl': '{"_id":"a","text":"word a"}\n{"_id":"b"\n{"_id":"c","text":"word c"}\n',
      'queries.jsonl': '{"_id":"q1","text":"word a"}\n{"_id":"q2"}\n',
    });
    expect(lists).toHaveLength(1);
    expect(lists[0]).toMatchObject({ qid: 'q1', docids: ['a', 'c'] });
    expect([[...lists[0].teacher], [...lists[0].labels]]).toEqual([
      [9, 7],
      [1, 0],
    ]);
    expect(skipped).toEqual([
      'corpus.jsonl:2: expected JSON; found "{\\"_id\\":\\"b\\""',
      'queries.jsonl:2: expected text as "text"; found nothing',
      'corpus.jsonl: expected document b, which the teacher scored; found none such',
      'queries.jsonl: expected query q2, which the teacher scored; found none such',
    ]);
  });

  it('refuses a document or a query that stands twice, or keeps the first', async () => {
    const corpus = readFileSync(join(folder()[0], 'corpus.jsonl'), 'utf8');
    const twice = { 'corpus.jsonl': `${corpus}{"_id":"a","text":"other"}\n` };
    await expect(load(...folder(twice))).rejects.toMatchObject({ line: 4, found: '"a" again' });
    expect((await skipping(twice)).skipped).toHaveLength(1);
    const queries = { 'queries.jsonl': '{"_id":"q1","text":"a"}\n{"_id":"q1","text":"b"}\n' };
    await expect(load(...folder(queries))).rejects.toMatchObject({ line: 2, found: '"q1" again' });
  });

  it('refuses a score that float32 cannot hold', async () => {
    const teacher = 'q1 Q0 a 1 1e39 t\nq1 Q0 b 2 1 t\nq1 Q0 c 3 0 t\n';
    await expect(load(...folder({ teacher }))).rejects.toThrow('query q1, document a within float32');
    expect((await skipping({ teacher })).lists[0].docids).toEqual(['b', 'c']);
    const unseen = await load(...folder({ teacher }), { skipBad: true });
    expect(unseen.lists[0].docids).toEqual(['b', 'c']);
  });

  it('names the judgements where they are empty, and the corpus where nothing is left', async () => {
    const [dir, teacher] = folder({ 'qrels/test.tsv': 'query-id\tcorpus-id\tscore\n' });
    const empty = load(dir, teacher);
    await expect(empty).rejects.toThrow('qrels/test.tsv: expected judgements; found none');
    const other = '{"_id":"z","text":"word"}\n';
    await expect(skipping({ 'corpus.jsonl': other })).rejects.toThrow('corpus.jsonl: expected documents');
  });
});
