// Where the dense student starts, and how its vectors are searched.
import { describe, expect, it } from 'vitest';
import { latentDirections, orthonormalise } from '../../../../lib/lab/students/words/lsa';
import { retrieve } from '../../../../lib/lab/students/dense/retrieve';
import { startVectors } from '../../../../lib/lab/students/dense/word-vectors';
import { Random } from '../../../../lib/lab/training/random';
import { drawBag } from './collection';

/** Documents of two topics: words 0 to 4 stand in even documents, 5 to 9 in odd ones. */
const topics = (random: Random) =>
  Array.from({ length: 60 }, (_, d) => {
    const bag = drawBag(random, 5);
    return { ...bag, words: bag.words.map((word) => word + (d % 2) * 5) };
  });

describe('orthonormalise', () => {
  it('leaves orthonormal columns that span the same space', () => {
    const random = new Random(1);
    const [rows, width] = [40, 6];
    const original = Float32Array.from({ length: rows * width }, () => random.normal());
    const matrix = original.slice();
    orthonormalise(matrix, width);
    const column = (m: Float32Array, k: number) => Array.from({ length: rows }, (_, i) => m[i * width + k]);
    const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
    for (let j = 0; j < width; j++) {
      for (let k = 0; k < width; k++)
        expect(dot(column(matrix, j), column(matrix, k))).toBeCloseTo(j === k ? 1 : 0, 6);
      // What the basis leaves of an original column is nothing.
      let rest = column(original, j);
      for (let k = 0; k < width; k++) {
        const basis = column(matrix, k);
        const along = dot(rest, basis);
        rest = rest.map((x, i) => x - along * basis[i]);
      }
      expect(Math.sqrt(dot(rest, rest))).toBeLessThan(1e-5);
    }
  });
  it('makes a column 0 that depends on the others', () => {
    const matrix = Float32Array.of(1, 2, 0, 0, 1, 2);
    orthonormalise(matrix, 2);
    for (const at of [1, 3, 5]) expect(matrix[at]).toBe(0);
  });
});

describe('latentDirections', () => {
  it('finds the topics: words of one are alike, words of different ones are not', () => {
    const random = new Random(2);
    const passes: string[] = [];
    const directions = latentDirections(topics(random), 10, 2, random, (done, all) => {
      passes.push(`${done}/${all}`);
    });
    expect(passes).toEqual(['1/6', '2/6', '3/6', '4/6', '5/6', '6/6']);
    const cosine = (a: number, b: number) => {
      const [x, y] = [a, b].map((word) => directions.subarray(word * 2, word * 2 + 2));
      return (x[0] * y[0] + x[1] * y[1]) / Math.hypot(...x) / Math.hypot(...y);
    };
    for (let word = 1; word < 5; word++) {
      expect(cosine(0, word)).toBeGreaterThan(0.99);
      expect(Math.abs(cosine(0, word + 5))).toBeLessThan(0.05);
    }
  });
});

describe('startVectors', () => {
  it('gives every word two halves of length 1, also a word no document holds a second', () => {
    const vectors = startVectors(topics(new Random(3)), 12, 8, 1);
    for (let word = 0; word < 12; word++) {
      const halves = [0, 4].map((at) => Math.hypot(...vectors.subarray(word * 8 + at, word * 8 + at + 4)));
      expect(halves[1]).toBeCloseTo(1, 5);
      expect(halves[0]).toBeCloseTo(word < 10 ? 1 : 0, 5);
    }
  });
  it('depends on the seed alone', () => {
    const bags = topics(new Random(3));
    expect(startVectors(bags, 10, 8, 5)).toEqual(startVectors(bags, 10, 8, 5));
    expect(startVectors(bags, 10, 8, 5)).not.toEqual(startVectors(bags, 10, 8, 6));
  });
});

describe('retrieve', () => {
  const unit = (angle: number) => ({
    words: Int32Array.of(angle),
    weights: Float32Array.of(1),
    counts: Float32Array.of(1),
    length: 1,
  });
  const encoder = {
    width: 2,
    encodeAll: (bags: Iterable<{ words: Int32Array }>) =>
      Float32Array.from([...bags].flatMap(({ words }) => [Math.cos(words[0] / 10), Math.sin(words[0] / 10)])),
  };
  const collection = { docids: ['a', 'b', 'c', 'd', 'e'], bags: [0, 3, 1, 3, 9].map(unit) };

  it('brings the nearest documents, and all that tie with the last of them', () => {
    const run = retrieve(encoder, collection, new Map([['q', unit(1)]]), 3);
    expect([...run.get('q')!.keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(run.get('q')!.get('c')).toBeCloseTo(1, 6);
    expect(run.get('q')!.get('a')).toBeCloseTo(Math.cos(0.1), 6);
  });
  it('brings the same in blocks of any size', () => {
    const run = retrieve(encoder, collection, new Map([['q', unit(1)]]), 3);
    for (const documentsAtOnce of [1, 2, 3, 5]) {
      const shares: number[] = [];
      const onShare = (share: number) => shares.push(share);
      const options = { documentsAtOnce, onShare };
      expect(retrieve(encoder, collection, new Map([['q', unit(1)]]), 3, options)).toEqual(run);
      expect(shares).toHaveLength(Math.ceil(5 / documentsAtOnce));
      expect(shares.at(-1)).toBe(1);
    }
  });
  it('brings everything where the corpus is smaller than the depth', () => {
    expect(retrieve(encoder, collection, new Map([['q', unit(1)]]), 100).get('q')!.size).toBe(5);
  });
});
