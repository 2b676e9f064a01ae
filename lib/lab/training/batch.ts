// One batch of candidate lists in the flat arrays that losses take; ragged, so that lists of different
// lengths waste nothing.
import type { CandidateList } from './candidates.js';
import type { Student } from './student.js';

/** Arrays that are allocated once and refilled for each batch. */
export class TrainingBatch<L extends CandidateList = CandidateList> {
  readonly student: Float32Array;
  readonly teacher: Float32Array;
  readonly labels: Uint8Array;
  readonly relevance: Float32Array;
  /** The lists of the current batch. */
  lists: readonly L[] = [];
  private readonly bounds: Int32Array;

  /** @param shape the maximum number of queries, and of documents per query */
  constructor(readonly shape: readonly [queries: number, docs: number]) {
    const size = shape[0] * shape[1];
    this.student = new Float32Array(size);
    this.teacher = new Float32Array(size);
    this.labels = new Uint8Array(size);
    this.relevance = new Float32Array(size);
    this.bounds = new Int32Array(shape[0] + 1);
  }

  /** The start and end positions of the lists. */
  get offsets(): Int32Array {
    return this.bounds.subarray(0, this.lists.length + 1);
  }

  /** Copies teacher scores and labels of the lists in; the student's scores follow by {@link score}. */
  fill(lists: readonly L[]): void {
    this.lists = lists;
    lists.forEach((list, b) => {
      const at = this.bounds[b];
      this.teacher.set(list.teacher, at);
      this.labels.set(list.labels, at);
      this.bounds[b + 1] = at + list.docids.length;
    });
  }

  /** Makes the student score all documents. */
  score(student: Student<L>): void {
    this.lists.forEach((list, b) => student.score(list, this.student, this.bounds[b]));
  }

  /** Passes the gradient of all scores to the student. */
  backward(student: Student<L>, gradScores: Float32Array): void {
    this.lists.forEach((list, b) => student.backward(list, gradScores, this.bounds[b]));
  }
}
