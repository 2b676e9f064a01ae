// Small batches are copied to arrays that the addon has seen before: to show it an array costs more than to copy a few hundred numbers.
import type { BatchView } from './batch.js';
import { copyInto, lengthOf } from './intrinsics.js';
import { NativeType, type RunArguments, Scalar } from '../native/native.js';

/** Up to so many documents; the copies take as long as the arithmetic of ten documents or less. */
const most = 256;

// No one else ever has these; runs on one thread do not overlap, so that all plans share them.
const student = new Float32Array(most);
const teacher = new Float32Array(most);
const labels = new Uint8Array(most);
const grad = new Float32Array(most);
const perQuery = new Float32Array(most);

/** The small batches of one plan. */
export class SmallBatch {
  /** The shape of the plan's last run, if that was a small batch. */
  private queries = -1;
  private docs = -1;
  private grad = grad;
  private perQuery = perQuery;

  /** Whether a batch is small, and has nothing but float32 scores and labels in rows without gaps. */
  fits(view: BatchView): boolean {
    const { extent } = view;
    return (
      extent <= most &&
      extent > 0 &&
      view.offsets === null &&
      view.stride === view.docs &&
      lengthOf(view.student) === extent &&
      lengthOf(view.labels) === extent &&
      view.studentType === NativeType.float32 &&
      view.gradType === NativeType.float32 &&
      (view.teacher === null ||
        (view.teacherType === NativeType.float32 && lengthOf(view.teacher) === extent)) &&
      view.ranks === null &&
      view.beta === null &&
      view.relevance === null &&
      view.weights === null &&
      view.teacherGrad === null &&
      view.diagnostics === null
    );
  }

  /** Takes the inputs of a batch that fits. Returns whether the plan's last run had the same arguments. */
  load(view: BatchView): boolean {
    student.set(view.student);
    if (view.teacher !== null) teacher.set(view.teacher);
    labels.set(view.labels);
    return view.queries === this.queries && view.docs === this.docs;
  }

  argumentsFor(view: BatchView, scalars: Float64Array): RunArguments {
    const { queries, docs, extent } = view;
    this.queries = queries;
    this.docs = docs;
    this.grad = grad.subarray(0, extent);
    this.perQuery = perQuery.subarray(0, queries);
    scalars[Scalar.queries] = queries;
    scalars[Scalar.docs] = scalars[Scalar.stride] = docs;
    scalars[Scalar.studentType] = scalars[Scalar.teacherType] = scalars[Scalar.gradType] = NativeType.float32;
    const scores = view.teacher === null ? null : teacher;
    return [student, scores, labels, null, null, null, null, null, grad, perQuery, null, null, scalars];
  }

  /** Gives the results to the batch. */
  unload(view: BatchView): void {
    copyInto(view.grad!, this.grad);
    copyInto(view.perQuery!, this.perQuery);
  }

  forget(): void {
    this.queries = -1;
  }
}
