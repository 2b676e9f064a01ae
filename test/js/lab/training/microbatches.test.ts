// A batch gone back through in parts: their gradients add up to that of the batch, and ranks that share the parts have the bits of one process.
import { expect, it } from 'vitest';
import { Adam } from '../../../../lib/lab/training/adam';
import type { TrainingBatch } from '../../../../lib/lab/training/batch';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import { Microbatches } from '../../../../lib/lab/training/microbatches';
import type { Student } from '../../../../lib/lab/training/student';
import { Team } from '../../../../lib/lab/training/team';
import { onRanks } from '../on-ranks';

const LISTS = 5;
const offsets = Int32Array.of(0, 2, 3, 7, 8, 11);
const grad = Float32Array.from({ length: 11 }, (_, i) => Math.sin(3 * i + 1));

/** Two tables: a row for each document's place in its list, and one row for all. */
function made() {
  const gradients = [new Adam(new Float64Array(4 * 2), 2), new Adam(new Float64Array(3), 3)];
  const scored: CandidateList[] = [];
  const student = {
    gradients,
    score(list: CandidateList, out: Float32Array, at: number) {
      scored.push(list);
      list.docids.forEach((_, d) => (out[at + d] = at + d + 1));
    },
    backward({ qid, docids }: CandidateList, g: Float32Array, at: number) {
      docids.forEach((_, d) => {
        gradients[0].touch(d);
        gradients[0].gradient[2 * d] += g[at + d];
        gradients[0].gradient[2 * d + 1] -= g[at + d] * (1 + Number(qid));
        gradients[1].touch(0);
        gradients[1].gradient[d % 3] += g[at + d] / 3;
      });
    },
  } as unknown as Student<CandidateList>;
  const lists = Array.from({ length: LISTS }, (_, b) => ({
    qid: String(b),
    docids: Array.from({ length: offsets[b + 1] - offsets[b] }, (_, d) => `d${d}`),
  }));
  const batch = {
    lists,
    offsets,
    student: new Float32Array(11),
    score: (by: Student<CandidateList>) =>
      lists.forEach((list, b) => by.score(list as unknown as CandidateList, batch.student, offsets[b])),
    backward: (to: Student<CandidateList>, g: Float32Array) =>
      lists.forEach((list, b) => to.backward(list as unknown as CandidateList, g, offsets[b])),
  } as unknown as TrainingBatch<CandidateList>;
  const found = () => gradients.map(({ gradient, rows }) => [[...gradient], [...rows].sort()]);
  return { student, batch, found, scored };
}

/** The gradients after two passes, as in-batch terms make them, by one process. */
function alone(count: number) {
  const { student, batch, found } = made();
  const parts = new Microbatches(student, count);
  parts.backward(batch, grad);
  parts.backward(
    batch,
    grad.map((g) => g / 7),
  );
  parts.finish();
  return found();
}

it.each([2, 3, 5, 8])('%i parts add up to the gradient of the batch', (count) => {
  const [whole, parts] = [alone(1), alone(count)];
  whole.forEach(([gradient, rows], t) => {
    expect(parts[t][1]).toEqual(rows);
    gradient.forEach((g, i) => expect(parts[t][0][i]).toBeCloseTo(g, 12));
  });
});

it.each([
  [2, 3],
  [3, 5],
  [4, 4],
])('%i ranks that share %i parts have the gradient of one, and all scores', (size, count) => {
  const found = onRanks(size, (_, world) => {
    const { student, batch, found: gradients, scored } = made();
    const parts = new Microbatches(student, count, new Team(world, new AbortController().signal));
    batch.student.fill(0);
    parts.score(batch);
    const own = scored.length;
    parts.backward(batch, grad);
    parts.backward(
      batch,
      grad.map((g) => g / 7),
    );
    parts.finish();
    return { gradients: gradients(), own, scores: [...batch.student] };
  });
  for (const { gradients, scores } of found) {
    expect(gradients).toEqual(alone(count));
    expect(scores).toEqual([...grad.keys()].map((i) => i + 1));
  }
  // Together they scored each list once.
  expect(found.reduce((sum, { own }) => sum + own, 0)).toBe(LISTS);
});

it('one part is scored as a whole batch, by every rank', () => {
  const own = onRanks(3, (_, world) => {
    const { student, batch, scored } = made();
    new Microbatches(student, 1, new Team(world, new AbortController().signal)).score(batch);
    return scored.length;
  });
  expect(own).toEqual([LISTS, LISTS, LISTS]);
  const { student, batch, scored } = made();
  new Microbatches(student, 4).score(batch);
  expect(scored).toEqual(batch.lists);
});

it('a student whose gradients are not in tables has one part', () => {
  const { student } = made();
  const whole = { ...student, gradients: undefined };
  expect(() => new Microbatches(whole, 2)).toThrow(RangeError);
  expect(() => new Microbatches(whole, 1)).not.toThrow();
});

it.each([1, 3])(
  'of %i parts leaves a gradient in the student at once only where there is one part',
  (count) => {
    const { student, batch, found } = made();
    const parts = new Microbatches(student, count);
    parts.backward(batch, grad);
    const rows = () => found().map(([, touched]) => touched.length);
    expect(rows()).toEqual(count === 1 ? [4, 1] : [0, 0]);
    parts.finish();
    expect(rows()).toEqual([4, 1]);
  },
);
