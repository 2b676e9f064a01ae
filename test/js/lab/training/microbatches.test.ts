// A batch gone back through in parts: their gradients add up to that of the batch, and ranks that share the parts have the bits of one process.
import { expect, it } from 'vitest';
import { Adam } from '../../../../lib/lab/training/adam';
import type { TrainingBatch } from '../../../../lib/lab/training/batch';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import { Microbatches } from '../../../../lib/lab/training/microbatches';
import type { Student } from '../../../../lib/lab/training/student';
import type { Team } from '../../../../lib/lab/training/team';

const LISTS = 5;
const offsets = Int32Array.of(0, 2, 3, 7, 8, 11);
const grad = Float32Array.from({ length: 11 }, (_, i) => Math.sin(3 * i + 1));

/** Two tables: a row for each document's place in its list, and one row for all. */
function made() {
  const gradients = [new Adam(new Float64Array(4 * 2), 2), new Adam(new Float64Array(3), 3)];
  const student = {
    gradients,
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
    backward: (to: Student<CandidateList>, g: Float32Array) =>
      lists.forEach((list, b) => to.backward(list as unknown as CandidateList, g, offsets[b])),
  } as unknown as TrainingBatch<CandidateList>;
  const found = () => gradients.map(({ gradient, rows }) => [[...gradient], [...rows].sort()]);
  return { student, batch, found };
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
])('%i ranks that share %i parts have the gradient of one', (size, count) => {
  const sent: Float64Array[] = [];
  const waiting = new Error('not all have sent');
  const ranks = Array.from({ length: size }, (_, rank) => {
    const team = {
      isOwn: (part: number) => part % size === rank,
      gather(values: Float64Array) {
        sent[rank] = values;
        if (Object.keys(sent).length < size) throw waiting;
        return sent;
      },
    } as unknown as Team;
    const { student, batch, found } = made();
    const parts = new Microbatches(student, count, team);
    parts.backward(batch, grad);
    parts.backward(
      batch,
      grad.map((g) => g / 7),
    );
    return { parts, found };
  });
  // All but the last come too early, and ask again.
  for (const { parts } of ranks.slice(0, -1)) expect(() => parts.finish()).toThrow(waiting);
  for (const { parts, found } of [...ranks].reverse()) {
    parts.finish();
    expect(found()).toEqual(alone(count));
  }
});

it('a student whose gradients are not in tables has one part', () => {
  const { student } = made();
  const whole = { ...student, gradients: undefined };
  expect(() => new Microbatches(whole, 2)).toThrow(RangeError);
  expect(() => new Microbatches(whole, 1)).not.toThrow();
});
