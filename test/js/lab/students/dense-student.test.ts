// The dense student's gradients against differences of its scores, and its optimizer against plain Adam.
import { describe, expect, it } from 'vitest';
import { DenseStudent } from '../../../../lib/lab/students/dense/dense-student';
import { Adam } from '../../../../lib/lab/training/adam';
import { Random } from '../../../../lib/lab/training/random';
import { checkGradient, drawBagList } from './collection';

const WORDS = 12;
const WIDTH = 4;

/** A student away from its start, where the map is no identity and no gradient is 0 by symmetry. */
function drawStudent(random: Random): DenseStudent {
  const student = new DenseStudent(
    Float32Array.from({ length: WORDS * WIDTH }, () => random.normal()),
    WIDTH,
  );
  const { wordWeights, map, logScale } = student.parameters;
  wordWeights.forEach((_, i) => (wordWeights[i] = 0.3 * random.normal()));
  map.forEach((value, i) => (map[i] = value + 0.4 * random.normal()));
  logScale[0] = 0.5;
  return student;
}

describe('DenseStudent', () => {
  it.each([1, 2, 3])('has the gradient that differences show, in every parameter (seed %i)', (seed) => {
    const random = new Random(seed);
    checkGradient(drawStudent(random), drawBagList(random, WORDS, 5), random);
  });

  it('scores by cosine: between -scale and scale, exactly scale for the same text', () => {
    const random = new Random(4);
    const list = drawBagList(random, WORDS, 6);
    const same = { ...list, documents: [list.query, ...list.documents], docids: ['same', ...list.docids] };
    const student = drawStudent(random);
    const scores = new Float32Array(7);
    student.score(same, scores, 0);
    expect(scores[0]).toBeCloseTo(Math.exp(0.5), 5);
    for (const score of scores) expect(Math.abs(score)).toBeLessThanOrEqual(Math.exp(0.5) + 1e-6);
    student.scale(3);
    const scaled = new Float32Array(7);
    student.score(same, scaled, 0);
    scaled.forEach((score, d) => expect(score).toBeCloseTo(3 * scores[d], 4));
  });

  it('gives an empty text the score 0 and no gradient', () => {
    const random = new Random(5);
    const empty = {
      words: new Int32Array(0),
      weights: new Float32Array(0),
      counts: new Float32Array(0),
      length: 0,
    };
    const list = { ...drawBagList(random, WORDS, 2), documents: [empty, empty] };
    const student = drawStudent(random);
    const scores = new Float32Array(2);
    student.score(list, scores, 0);
    student.backward(list, Float32Array.of(1, 1), 0);
    expect([...scores]).toEqual([0, 0]);
    expect(student.gradient('vectors').every((g) => g === 0)).toBe(true);
  });

  it('comes back to what was saved', () => {
    const random = new Random(6);
    const list = drawBagList(random, WORDS, 3);
    const student = drawStudent(random);
    const read = () => {
      const scores = new Float32Array(3);
      student.score(list, scores, 0);
      return [...scores];
    };
    const before = read();
    const restore = student.save();
    student.backward(list, Float32Array.of(1, -2, 0.5), 0);
    student.step(0.1);
    expect(read()).not.toEqual(before);
    restore();
    expect(read()).toEqual(before);
  });
});

/** Adam as Algorithm 1 of its paper has it, over float64. */
function textbookAdam(parameters: Float64Array) {
  const [first, second] = [parameters.map(() => 0), parameters.map(() => 0)];
  let t = 0;
  return (gradient: Float64Array, rate: number) => {
    t++;
    parameters.forEach((_, i) => {
      first[i] = 0.9 * first[i] + 0.1 * gradient[i];
      second[i] = 0.999 * second[i] + 0.001 * gradient[i] ** 2;
      parameters[i] -=
        (rate * (first[i] / (1 - 0.9 ** t))) / (Math.sqrt(second[i] / (1 - 0.999 ** t)) + 1e-8);
    });
  };
}

describe('Adam', () => {
  it('is the textbook one where every row is touched', () => {
    const random = new Random(7);
    const sparseParameters = new Float32Array(6);
    const parameters = new Float64Array(6);
    const sparse = new Adam(sparseParameters, 2);
    const update = textbookAdam(parameters);
    for (let step = 0; step < 50; step++) {
      const gradient = Float64Array.from({ length: 6 }, () => random.normal());
      for (let row = 0; row < 3; row++) sparse.touch(row);
      sparse.gradient.set(gradient);
      sparse.step(0.05);
      update(gradient, 0.05);
    }
    sparseParameters.forEach((value, i) => expect(value).toBeCloseTo(parameters[i], 4));
  });
  it('leaves rows alone that no gradient touched, and forgets the gradient', () => {
    const parameters = Float32Array.of(1, 1, 1, 1);
    const adam = new Adam(parameters, 2, 2);
    adam.touch(1);
    adam.touch(1);
    adam.gradient.set([1, -1], 2);
    adam.step(0.1);
    expect([...parameters].map((value) => Number(value.toFixed(5)))).toEqual([1, 1, 0.8, 1.2]);
    expect([...adam.gradient]).toEqual([0, 0, 0, 0]);
    const after = parameters.slice();
    adam.step(0.1);
    expect(parameters).toEqual(after);
  });
});
