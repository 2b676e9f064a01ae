// The sparse student: gradients of its scores and of its regulariser, its expansion, its search.
import { describe, expect, it } from 'vitest';
import { SparseStudent } from '../../../../lib/lab/students/sparse/sparse-student';
import { Random } from '../../../../lib/lab/training/random';
import { checkGradient, drawBagList } from './collection';

const WORDS = 12;
const WIDTH = 8;

function drawStudent(
  random: Random,
  options?: ConstructorParameters<typeof SparseStudent>[3],
): SparseStudent {
  const vectors = Float32Array.from({ length: WORDS * WIDTH }, () => random.normal());
  for (let at = 0; at < vectors.length; at += WIDTH) {
    const length = Math.hypot(...vectors.subarray(at, at + WIDTH));
    for (let k = 0; k < WIDTH; k++) vectors[at + k] /= length;
  }
  const idf = Float32Array.from({ length: WORDS }, () => 1 + random.next());
  return new SparseStudent(vectors, WIDTH, idf, options);
}

/** Away from the start, with a threshold that many words pass. */
function disturb(student: SparseStudent, random: Random): SparseStudent {
  const { map, threshold, logScale, ...importances } = student.parameters;
  logScale[0] = 0.5;
  for (const values of Object.values(importances))
    values.forEach((_, i) => (values[i] = 0.3 * random.normal()));
  map.forEach((value, i) => (map[i] = value + 0.3 * random.normal()));
  threshold[0] = -2;
  student.forget();
  return student;
}

const scoresOf = (student: SparseStudent, list: ReturnType<typeof drawBagList>) => {
  const scores = new Float32Array(list.docids.length);
  student.score(list, scores, 0);
  return scores;
};

describe('SparseStudent', () => {
  it.each([1, 2, 3])('has the gradient that differences show, in every parameter (seed %i)', (seed) => {
    const random = new Random(seed);
    const student = disturb(drawStudent(random), random);
    checkGradient(student, drawBagList(random, WORDS, 5), random);
  });

  it('has the gradient of the FLOPS of queries and documents', () => {
    const random = new Random(4);
    const options = { queryFlops: 2, documentFlops: 3 };
    const student = disturb(drawStudent(random, options), random);
    const lists = [drawBagList(random, WORDS, 3), drawBagList(random, WORDS, 4)];
    // No gradient of scores: what is left is the regulariser's.
    const see = () => {
      student.forget();
      for (const list of lists) {
        scoresOf(student, list);
        student.backward(list, new Float32Array(4), 0);
      }
    };
    const penalty = () => {
      see();
      return options.queryFlops * student.flops.queries + options.documentFlops * student.flops.documents;
    };
    see();
    student.regularise();
    const gradients = Object.keys(student.parameters).map(
      (name) => [name, student.gradient(name).slice()] as const,
    );
    for (const [name, gradient] of gradients) {
      const values = student.parameters[name];
      gradient.forEach((g, i) => {
        const kept = values[i];
        values[i] = kept + 2 ** -7;
        const above = penalty();
        values[i] = kept - 2 ** -7;
        const below = penalty();
        values[i] = kept;
        const difference = (above - below) * 2 ** 6;
        expect(Math.abs(g - difference), `${name}[${i}]`).toBeLessThan(3e-3 * (1 + Math.abs(difference)));
      });
    }
  });

  it('starts as word overlap: neither rarity nor the word counts', () => {
    const random = new Random(5);
    const student = drawStudent(random);
    student.parameters.threshold[0] = 4;
    student.forget();
    const list = drawBagList(random, WORDS, 6);
    scoresOf(student, list).forEach((score, d) => {
      const shared = [...list.query.words].filter((word) => list.documents[d].words.includes(word)).length;
      const saturation = Math.log1p(1.9 / (1 + 0.9));
      expect(score).toBeCloseTo((shared / list.query.words.length) * Math.LN2 * saturation, 4);
    });
  });

  it('learns that FLOPS cost: heavier regularisation leaves less', () => {
    const [light, heavy] = [0, 10].map((weight) => {
      const random = new Random(6);
      const options = { queryFlops: weight, documentFlops: weight };
      const student = disturb(drawStudent(random, options), random);
      const list = drawBagList(random, WORDS, 5);
      for (let step = 0; step < 20; step++) {
        scoresOf(student, list);
        student.backward(list, Float32Array.of(-1, 0.5, 0.5, 0, 0), 0);
        student.step(0.01);
      }
      scoresOf(student, list);
      student.backward(list, new Float32Array(5), 0);
      return student.flops;
    });
    expect(heavy.queries).toBeLessThan(0.8 * light.queries);
    expect(heavy.documents).toBeLessThan(0.8 * light.documents);
  });

  it('searches a corpus in the order of its scores', () => {
    const random = new Random(7);
    const list = drawBagList(random, WORDS, 9);
    const student = disturb(drawStudent(random), random);
    const corpus = { docids: [...list.docids], bags: [...list.documents] };
    const scores = scoresOf(student, list);
    const found = student.search(corpus, new Map([['q', list.query]]), 4).get('q')!;
    const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 4);
    expect([...found].sort(([, a], [, b]) => b - a).map(([id]) => id)).toEqual(order.map((d) => `d${d}`));
  });

  it('expands: below the threshold it finds documents that share no word with the query', () => {
    const random = new Random(8);
    const [query, other] = [0, 1].map((word) => ({
      words: Int32Array.of(word),
      weights: Float32Array.of(1),
      counts: Float32Array.of(1),
      length: 1,
    }));
    const student = drawStudent(random);
    const { vectors } = student as unknown as { vectors: Float32Array };
    const cosine = vectors.subarray(0, WIDTH).reduce((sum, x, k) => sum + x * vectors[WIDTH + k], 0);
    const scoreAt = (threshold: number) => {
      student.parameters.threshold[0] = Math.log(threshold / (1 - threshold));
      student.forget();
      const found = student.search({ docids: ['d'], bags: [other] }, new Map([['q', query]]), 1);
      return found.get('q')!.get('d');
    };
    expect(cosine).toBeGreaterThan(0.2);
    expect(scoreAt(cosine - 0.1)).toBeGreaterThan(0);
    expect(scoreAt(cosine + 0.1)).toBe(0);
  });
});
