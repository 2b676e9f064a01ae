// A teacher's scores in typed arrays: the lists that tables of texts and a plain sort have, in any form and order.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TeacherScores } from '../../../lib/data/bytes/teacher-scores';
import { DataError, openTeacher, type ReadOptions } from '../../../lib/data/index';
import { scratch } from './files';

const files = scratch();

/** What tables of texts hold: query -> documents, best first. */
async function oracle(path: string): Promise<[string, [string, number][]][]> {
  const file = await openTeacher(path);
  const lists = new Map<string, Map<string, number>>();
  if (file.form === 'trec') for (const [qid, scores] of await file.run()) lists.set(qid, new Map(scores));
  else
    for await (const { qid, docs } of file.lists()) {
      const scores = lists.get(qid) ?? new Map<string, number>();
      lists.set(qid, scores);
      for (const { docid, score } of docs) scores.set(docid, score);
    }
  return [...lists].map(([qid, scores]) => [
    qid,
    [...scores].sort(([, a], [, b]) => b - a).map(([docid, score]) => [docid, Math.fround(score)]),
  ]);
}

function all(scores: TeacherScores): [string, [string, number][]][] {
  return Array.from({ length: scores.size }, (_, query) => {
    const { qid, docids, scores: values } = scores.list(query);
    expect(scores.indexOf(qid)).toBe(query);
    return [qid, docids.map((docid, i) => [docid, values[i]])];
  });
}

const id = fc.oneof(
  fc.integer({ min: 0, max: 30 }).map(String),
  fc.constantFrom('007', '2147483647', '2147483648', 'D1', 'é', '漢', '0', '00', '-1', '1.0', '99999999999'),
);
const score = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
const lists = fc.array(
  fc.tuple(
    id,
    fc.uniqueArray(fc.tuple(id, score), { selector: ([docid]) => docid, minLength: 1, maxLength: 200 }),
  ),
  { minLength: 1, maxLength: 6 },
);

describe('teacher scores', () => {
  it('of a run are those of tables, whether its queries stand together or apart', async () => {
    let seed = 0;
    await fc.assert(
      fc.asyncProperty(lists, fc.boolean(), fc.boolean(), async (given, apart, gzip) => {
        const byQuery = new Map(given);
        const lines = [...byQuery].flatMap(([qid, docs]) =>
          docs.map(([docid, value], i) => ({ i, line: `${qid} Q0 ${docid} ${i} ${value} t\n` })),
        );
        if (apart) lines.sort((a, b) => a.i - b.i);
        const text = lines.map(({ line }) => line).join('');
        const path = files.write(`run${seed++}`, gzip ? gzipSync(text) : text);
        expect(all(await TeacherScores.load(path))).toEqual(await oracle(path));
      }),
      { numRuns: 60 },
    );
  });

  it('of lists in JSON are those of tables, whether a query comes back or not', async () => {
    let seed = 0;
    await fc.assert(
      fc.asyncProperty(lists, async (given) => {
        const known = new Map<string, number>();
        const text = given.map(([qid, docs]) => {
          // A document that comes back has the score that it had.
          const scores = docs.map(([docid, value]) => {
            const key = `${qid}\t${docid}`;
            if (!known.has(key)) known.set(key, value);
            return known.get(key)!;
          });
          return `${JSON.stringify({ query_id: qid, document_ids: docs.map(([docid]) => docid), scores })}\n`;
        });
        const path = files.write(`lists${seed++}.jsonl`, text.join(''));
        expect(all(await TeacherScores.load(path))).toEqual(await oracle(path));
      }),
      { numRuns: 40 },
    );
  });

  it('are kept of wanted queries, and lists share the texts of ids where that is asked for', async () => {
    const path = files.write('wanted', 'a Q0 x 1 2 t\nb Q0 x 1 1e99 t\nc Q0 y 1 1 t\nc Q0 x 2 3 t\n');
    const scores = await TeacherScores.load(path, { wanted: new Set(['a', 'c']) });
    expect([scores.size, scores.count, scores.indexOf('b'), scores.qid(1)]).toEqual([2, 3, -1, 'c']);
    const shared = new Map<number, string>();
    expect(scores.list(1, shared).docids).toEqual(['x', 'y']);
    expect(scores.list(0, shared).docids).toEqual(['x']);
    expect(shared.size).toBe(2);
  });

  const outcome = async (path: string, options: ReadOptions = {}): Promise<unknown> => {
    const skips: string[] = [];
    try {
      const scores = await TeacherScores.load(path, {
        ...options,
        onSkip: ({ message }) => void skips.push(message),
      });
      return [all(scores), skips];
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      return (error as DataError).message.replace(path, 'FILE');
    }
  };

  it.each([
    [
      'too large for float32',
      'q Q0 a 1 1e39 t\nq Q0 b 2 1 t\n',
      'FILE: expected a score of query q, document a within float32; found 1e+39',
    ],
    [
      'twice',
      'q Q0 a 1 2 t\nr Q0 b 2 1 t\nq Q0 a 2 1 t\n',
      'FILE:3: expected document "a" once for query "q"; found it a second time',
    ],
    ['no number', 'q Q0 a 1 2 t\nq Q0 b 1 x t\n', 'FILE:2: expected a finite number as score; found "x"'],
    [
      'two',
      '{"query_id":"q","document_ids":["a"],"scores":[1]}\n{"query_id":"r","document_ids":["a"],"scores":[1]}\n{"query_id":"q","document_ids":["a"],"scores":[2]}\n',
      'FILE: expected one score of document a for query q; found 1 and 2',
    ],
  ])('%s is an error, and left out with skipBad, told of once', async (_, text, message) => {
    const path = files.write('faulty', text);
    expect(await outcome(path)).toBe(message);
    const [kept, skips] = (await outcome(path, { skipBad: true })) as [unknown[], string[]];
    expect(kept.length).toBeGreaterThan(0);
    expect(skips.map((skip) => skip.replace(path, 'FILE'))).toEqual([message]);
  });
});
