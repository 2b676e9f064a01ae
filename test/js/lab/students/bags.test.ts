// A collection as bags of numbered words.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadCollection } from '../../../../lib/lab/students/words/bags';
import { scratch } from '../../data/files';

it('numbers words once, weighs them by (1 + ln count) idf, and ties lists to the documents of the corpus', async () => {
  const dir = join(scratch().dir, 'beir');
  mkdirSync(join(dir, 'qrels'), { recursive: true });
  const write = (name: string, content: string) => writeFileSync(join(dir, name), content);
  write(
    'corpus.jsonl',
    ['alpha beta alpha', 'beta', 'gamma']
      .map((text, i) => `${JSON.stringify({ _id: `d${i}`, text })}\n`)
      .join(''),
  );
  write('queries.jsonl', '{"_id":"q","text":"gamma unseen alpha"}\n');
  write('qrels/test.tsv', 'q\td0\t1\n');
  write('run', 'q Q0 d1 1 0.5 t\nq Q0 d0 2 0.75 t\n');

  const { lists, docids, bags, vocabulary } = await loadCollection(dir, join(dir, 'run'));
  const idf = (n: number) => Math.log(1 + (3 - n + 0.5) / (n + 0.5));
  expect(vocabulary).toBe(3);
  expect([...docids]).toEqual(['d0', 'd1', 'd2']);
  expect([...bags.at(0)!.words]).toEqual([0, 1]);
  expect(bags.at(0)!.weights[0]).toBeCloseTo((1 + Math.log(2)) * idf(1), 6);
  expect(bags.at(0)!.weights[1]).toBeCloseTo(idf(2), 6);
  const [list] = lists;
  expect(list).toMatchObject({ qid: 'q', docids: ['d0', 'd1'] });
  expect(list.documents).toEqual([bags.at(0)!, bags.at(1)!]);
  // A word that no document holds is left out of the query.
  expect([...list.query.words].sort()).toEqual([0, 2]);

  write('corpus.jsonl', '{"_id":"d0","text":"?"}\n{"_id":"d1","text":"..."}\n');
  await expect(loadCollection(dir, join(dir, 'run'))).rejects.toThrow(
    'corpus.jsonl: expected texts with words',
  );
});
