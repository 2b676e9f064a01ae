// The multi-vector student: its gradients against differences, its scores against the formula, its search against its scores.
import { describe, expect, it } from 'vitest';
import { multiVectorStart } from '../../../../lib/lab/students/multi-vector/multi-vector-start';
import { MultiVectorStudent } from '../../../../lib/lab/students/multi-vector/multi-vector-student';
import { queryWeights, tokensOf } from '../../../../lib/lab/students/multi-vector/multi-vector-words';
import { Random } from '../../../../lib/lab/training/random';
import { checkGradient, drawBag, drawBagList } from './collection';

const WORDS = 12;
const WIDTH = 8;
const IDF = Float32Array.from({ length: WORDS }, (_, word) => 1 + word / WORDS);

const drawVectors = (random: Random) => {
  const vectors = Float32Array.from({ length: WORDS * WIDTH }, () => random.normal());
  for (let at = 0; at < vectors.length; at += WIDTH) {
    const length = Math.hypot(...vectors.subarray(at, at + WIDTH));
    for (let k = 0; k < WIDTH; k++) vectors[at + k] /= length;
  }
  return vectors;
};

function drawStudent(random: Random, vectors = drawVectors(random)): MultiVectorStudent {
  const student = new MultiVectorStudent(vectors, WIDTH, IDF);
  const { map, logScale, ...importances } = student.parameters;
  for (const weights of Object.values(importances))
    weights.forEach((_, i) => (weights[i] = 0.3 * random.normal()));
  map.forEach((value, i) => (map[i] = value + 0.3 * random.normal()));
  logScale[0] = 0.5;
  student.forget();
  return student;
}

const scoresOf = (student: MultiVectorStudent, list: ReturnType<typeof drawBagList>) => {
  const scores = new Float32Array(list.docids.length);
  student.score(list, scores, 0);
  return scores;
};

describe('MultiVectorStudent', () => {
  it.each([1, 2, 3])('has the gradient that differences show, in every parameter (seed %i)', (seed) => {
    const random = new Random(seed);
    checkGradient(drawStudent(random), drawBagList(random, WORDS, 5), random);
  });

  it('scores as its formula says', () => {
    const random = new Random(4);
    const vectors = drawVectors(random);
    const list = drawBagList(random, WORDS, 4);
    list.documents[0].counts[0] = 3;
    list.documents[1].length = 2;
    list.query.counts[1] = 2;
    const student = drawStudent(random, vectors);
    const { map, queryWords, queryHead, documentWords, documentHead, queryRarity, documentRarity } =
      student.parameters;
    // The words' own weights and what their vectors tell; another test has rarity.
    queryRarity[0] = documentRarity[0] = 0;
    student.forget();
    const row = (word: number) => [...vectors.subarray(word * WIDTH, (word + 1) * WIDTH)];
    const dot = (x: number[], y: number[]) => x.reduce((sum, value, k) => sum + value * y[k], 0);
    const mapped = (word: number) => {
      const z = row(word).map((_, j) => dot([...map.subarray(j * WIDTH, (j + 1) * WIDTH)], row(word)));
      return z.map((value) => value / Math.hypot(...z));
    };
    const x = [...list.query.counts];
    const total = x.reduce((sum, value) => sum + value, 0);
    const importance = (own: Float32Array, head: Float32Array, word: number) =>
      Math.exp(own[word] + dot([...head], row(word)));
    scoresOf(student, list).forEach((score, d) => {
      const document = list.documents[d];
      let expected = 0;
      list.query.words.forEach((t, i) => {
        let best = 0;
        document.words.forEach((u, j) => {
          const count = document.counts[j];
          const saturation = (count * 1.9) / (count + 0.9 * (0.6 + 0.4 * document.length));
          const cosine = Math.max(0, dot(mapped(t), row(u)));
          best = Math.max(best, saturation * importance(documentWords, documentHead, u) * cosine ** 2);
        });
        expected += (x[i] / total) * importance(queryWords, queryHead, t) * best;
      });
      expect(score).toBeCloseTo(Math.exp(0.5) * expected, 5);
    });
  });

  it('searches a corpus with the scores it gives candidates', () => {
    const random = new Random(5);
    const list = drawBagList(random, WORDS, 9);
    const student = drawStudent(random);
    const corpus = { docids: [...list.docids], bags: [...list.documents] };
    const scores = scoresOf(student, list);
    const found = student.search(corpus, new Map([['q', list.query]]), 3).get('q')!;
    const third = [...scores].sort((a, b) => b - a)[2];
    expect([...found].sort()).toEqual(
      [...scores].flatMap((score, d) => (score >= third ? [[`d${d}`, score]] : [])).sort(),
    );
  });

  it('gives empty texts the score 0 and no gradient, and survives words that nothing matches', () => {
    const random = new Random(6);
    const empty = { ...drawBag(random, WORDS), words: new Int32Array(0), counts: new Float32Array(0) };
    const list = { ...drawBagList(random, WORDS, 2), documents: [empty, empty] };
    const student = drawStudent(random);
    expect([...scoresOf(student, list)]).toEqual([0, 0]);
    student.backward(list, Float32Array.of(1, 1), 0);
    expect(student.gradient('map').every((g) => g === 0)).toBe(true);
    const silent = { ...list, query: { ...empty, weights: new Float32Array(0) } };
    expect([...scoresOf(student, silent)]).toEqual([0, 0]);
  });

  it('restarts its optimizer and restores its whole state, bit by bit', () => {
    const random = new Random(7);
    const list = drawBagList(random, WORDS, 4);
    const vectors = drawVectors(random);
    const student = new MultiVectorStudent(vectors, WIDTH, IDF);
    const learn = (pupil: MultiVectorStudent) => {
      scoresOf(pupil, list);
      pupil.backward(list, Float32Array.of(1, -2, 0.5, 0.25), 0);
      pupil.step(0.05);
    };
    learn(student);
    const other = new MultiVectorStudent(vectors, WIDTH, IDF);
    other.restore(structuredClone(student.state));
    learn(student);
    learn(other);
    expect(other.state).toEqual(student.state);
    other.restart();
    learn(student);
    learn(other);
    expect(other.parameters.map).not.toEqual(student.parameters.map);
  });
});

describe('tokens', () => {
  it('are the first 96 words, with BM25 saturation', () => {
    const many = {
      words: Int32Array.from({ length: 120 }, (_, i) => i),
      weights: new Float32Array(120).fill(1),
      counts: new Float32Array(120).fill(2),
      length: 1,
    };
    const { words, worth } = tokensOf(many);
    expect(words).toHaveLength(96);
    expect(worth[95]).toBeCloseTo((2 * 1.9) / (2 + 0.9), 6);
  });
  it('weigh a query by count, 1 in all', () => {
    const found = queryWeights({
      words: Int32Array.of(4, 7),
      weights: Float32Array.of(3, 3),
      counts: Float32Array.of(1, 2),
      length: 1,
    });
    expect(found[0]).toBeCloseTo(1 / 3, 6);
    expect(found[1]).toBeCloseTo(2 / 3, 6);
  });
});

describe('multiVectorStart', () => {
  it('gives every word a vector of length 1, and those of the documents the same with more words beyond', () => {
    const random = new Random(9);
    const bags = Array.from({ length: 20 }, () => drawBag(random, 10));
    const few = multiVectorStart(bags, 10, 10, 4, 1);
    const more = multiVectorStart(bags, 10, 13, 4, 1);
    expect(more.subarray(0, 40)).toEqual(few);
    for (let word = 0; word < 13; word++)
      expect(Math.hypot(...more.subarray(word * 4, word * 4 + 4))).toBeCloseTo(1, 5);
  });
});
