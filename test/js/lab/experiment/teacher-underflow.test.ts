// How many of the teacher's probabilities underflow at a temperature, counted over the training lists.
import { expect, it } from 'vitest';
import { teacherScale } from '../../../../lib/lab/experiment/teacher-scale';

it('counts over all lists', () => {
  const list = (...scores: number[]) => ({
    ...{ qid: 'q', docids: scores.map((_, d) => `d${d}`) },
    ...{ teacher: Float32Array.from(scores), labels: new Uint8Array(scores.length) },
  });
  const lists = [list(0, -1), list(5), list(), list(100, 0, -20)];
  expect(teacherScale(lists, 1)).toEqual({ temperature: 1, zeros: 1, documents: 6, spread: 120 });
  expect(teacherScale(lists, 2)).toMatchObject({ zeros: 0 });
  expect(teacherScale([], 1)).toMatchObject({ zeros: 0, documents: 0 });
});
