// Full retrieval in blocks: what it finds does not depend on the blocks, and what it holds at a time does not grow.
import { describe, expect, it } from 'vitest';
import { DenseStudent } from '../../../../lib/lab/students/dense/dense-student';
import { MultiVectorStudent } from '../../../../lib/lab/students/multi-vector/multi-vector-student';
import { searchInBlocks } from '../../../../lib/lab/students/search-in-blocks';
import { SparseStudent } from '../../../../lib/lab/students/sparse/sparse-student';
import type { Bag } from '../../../../lib/lab/students/words/bags';
import { Random } from '../../../../lib/lab/training/random';
import { drawBag } from './collection';

const [WORDS, WIDTH] = [12, 8];

describe('searchInBlocks', () => {
  const random = new Random(1);
  const bags = Array.from({ length: 23 }, () => drawBag(random, WORDS));
  const corpus = { docids: bags.map((_, d) => `d${d}`), bags };
  const queries = new Map(Array.from({ length: 7 }, (_, q) => [`q${q}`, drawBag(random, WORDS)]));
  const shared = (query: Bag, bag: Bag) => [...query.words].filter((word) => bag.words.includes(word)).length;

  function search(documentsAtOnce: number, queriesAtOnce: number) {
    const seen = { documents: 0, queries: 0, shares: [] as number[] };
    const run = searchInBlocks(corpus, queries, 4, {
      prepare: (block) => {
        seen.documents = Math.max(seen.documents, block.length);
        return block;
      },
      score: (block, some, take) => {
        seen.queries = Math.max(seen.queries, some.length);
        some.forEach((query, q) =>
          take(
            q,
            Float32Array.from(block, (bag) => shared(query, bag)),
          ),
        );
      },
      onShare: (share) => seen.shares.push(share),
      documentsAtOnce,
      queriesAtOnce,
    });
    return { run, seen };
  }

  it('finds the same whatever the blocks, with those that tie with the last', () => {
    const whole = search(100, 100).run;
    for (const [documents, some] of [
      [1, 1],
      [5, 3],
      [23, 7],
    ]) {
      const { run, seen } = search(documents, some);
      expect(run).toEqual(whole);
      expect(seen.documents).toBeLessThanOrEqual(documents);
      expect(seen.queries).toBeLessThanOrEqual(some);
      expect(seen.shares).toHaveLength(Math.ceil(23 / documents));
      expect(seen.shares.at(-1)).toBe(1);
    }
    for (const [qid, query] of queries) {
      const scores = bags.map((bag) => shared(query, bag)).sort((a, b) => b - a);
      expect(whole.get(qid)!.size).toBe(scores.filter((score) => score >= scores[3]).length);
    }
  });
});

// More than the 16384 documents that are looked at together.
describe('a corpus of several blocks', () => {
  const random = new Random(2);
  const few = Array.from({ length: 9 }, () => drawBag(random, WORDS));
  const vectors = Float32Array.from({ length: WORDS * WIDTH }, () => random.normal());
  for (let at = 0; at < vectors.length; at += WIDTH) {
    const length = Math.hypot(...vectors.subarray(at, at + WIDTH));
    for (let k = 0; k < WIDTH; k++) vectors[at + k] /= length;
  }
  const idf = Float32Array.from({ length: WORDS }, () => 1 + random.next());
  const query = drawBag(random, WORDS);
  const students = {
    dense: new DenseStudent(vectors, WIDTH),
    multi: new MultiVectorStudent(vectors, WIDTH, idf),
    sparse: new SparseStudent(vectors, WIDTH, idf),
  };

  it.each(Object.entries(students))('is searched by %s with the scores of each document', (name, student) => {
    // A search by sparse leaves out what is the same for all documents: the number of the query's words.
    const factor = name === 'sparse' ? query.words.length : 1;
    const bags = Array.from({ length: 16_390 }, (_, d) => few[d % 9]);
    const corpus = { docids: bags.map((_, d) => `d${d}`), bags };
    const found = student.search(corpus, new Map([['q', query]]), 1).get('q')!;
    const scores = new Float32Array(9);
    const list = { qid: 'q', docids: few.map(String), query, documents: few };
    student.score({ ...list, teacher: scores, labels: new Uint8Array(9) }, scores, 0);
    const best = scores.indexOf(Math.max(...scores));
    const alike = bags.flatMap((bag, d) => (bag === few[best] ? [`d${d}`] : []));
    expect([...found.keys()]).toEqual(alike);
    for (const score of found.values()) expect(score).toBeCloseTo(factor * scores[best], 5);
  });
});
