// The gradient of a batch as the sum of the gradients of its parts, each summed separately, so that the
// result is the same whether one process or several compute the parts.
import type { Adam, Numbers } from './adam.js';
import type { TrainingBatch } from './batch.js';
import type { CandidateList } from './candidates.js';
import type { Student } from './student.js';
import type { Team } from './team.js';

/** The contribution of a part of a batch to a table. */
interface TableGradient {
  rows: ArrayLike<number>;
  values: ArrayLike<number>;
}

/** The gradient of a part, by table. */
type PartGradient = TableGradient[];

/**
 * Scores and goes back through batches in `count` parts of neighbouring lists. With a team of n ranks, each
 * rank takes every n-th part, and all get all scores and the sum of all gradients. Parts are added in order,
 * so the bits are those of one process.
 */
export class Microbatches<L extends CandidateList> {
  private readonly tables: readonly Adam<Numbers>[];
  /** Of the batch, by part; of other ranks' parts nothing. */
  private found: { part: number; gradient: PartGradient }[] = [];

  /** @throws RangeError for a student whose gradients cannot be split */
  constructor(
    private readonly student: Student<L>,
    private readonly count: number,
    private readonly team?: Team,
  ) {
    const { gradients } = student;
    if (!gradients && count > 1)
      throw new RangeError('microbatches: this student has a loss of whole batches, which has no parts');
    this.tables = gradients ?? [];
  }

  score(batch: TrainingBatch<L>): void {
    const { team, student, count } = this;
    if (!team || count === 1) return batch.score(student);
    const { offsets, student: scores } = batch;
    const lists = this.partsOf(batch);
    const lengths = lists.map(([first, last]) => offsets[last] - offsets[first]);
    const all = team.share(lengths, (part) => {
      const [first, last] = lists[part];
      for (let b = first; b < last; b++) student.score(batch.lists[b], scores, offsets[b]);
      return scores.subarray(offsets[first], offsets[last]);
    });
    lists.forEach(([first], part) => scores.set(all[part], offsets[first]));
  }

  backward(batch: TrainingBatch<L>, grad: Float32Array): void {
    const { team, student, count, tables } = this;
    if (count === 1) return batch.backward(student, grad);
    const { offsets } = batch;
    this.partsOf(batch).forEach(([first, last], part) => {
      if (team && !team.isOwn(part)) return;
      for (let b = first; b < last; b++) student.backward(batch.lists[b], grad, offsets[b]);
      const gradient = student.takeGradients?.() ?? tables.map((table) => table.take());
      this.found.push({ part, gradient });
    });
  }

  /** Leaves the gradient of the batch in the student. */
  finish(): void {
    const { team, tables, found } = this;
    const all =
      team && this.count > 1 ? team.gather(written(found)).flatMap((part) => this.read(part)) : found;
    // Stable: a part that was gone back through several times has its gradients in that order, whichever rank it is of.
    all.sort((a, b) => a.part - b.part);
    for (const { gradient } of all) gradient.forEach(({ rows, values }, t) => tables[t].add(rows, values));
    this.found = [];
  }

  /** Of each part, its first list and the one after its last. */
  private partsOf({ lists }: TrainingBatch<L>): [first: number, last: number][] {
    const bound = (part: number) => Math.floor((part * lists.length) / this.count);
    return Array.from({ length: this.count }, (_, part) => [bound(part), bound(part + 1)]);
  }

  private read(numbers: Float64Array): { part: number; gradient: PartGradient }[] {
    const parts = [];
    let at = 0;
    while (at < numbers.length) {
      const part = numbers[at++];
      const gradient = this.tables.map(({ width }) => {
        const count = numbers[at++];
        const rows = numbers.subarray(at, (at += count));
        return { rows, values: numbers.subarray(at, (at += count * width)) };
      });
      parts.push({ part, gradient });
    }
    return parts;
  }
}

/** Parts as numbers: place, and of each table how many rows, which, and their values. A float32 stays one. */
function written(found: readonly { part: number; gradient: PartGradient }[]): Float64Array {
  let length = 0;
  for (const { gradient } of found) {
    length++;
    for (const { rows, values } of gradient) length += 1 + rows.length + values.length;
  }
  const numbers = new Float64Array(length);
  let at = 0;
  for (const { part, gradient } of found) {
    numbers[at++] = part;
    for (const { rows, values } of gradient) {
      numbers[at++] = rows.length;
      numbers.set(rows, at);
      at += rows.length;
      numbers.set(values, at);
      at += values.length;
    }
  }
  return numbers;
}
