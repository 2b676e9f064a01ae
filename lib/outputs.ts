// Where results go when the caller brings no array: new ones for every call, or ones that a prepared loss uses again.
import { nativeScores, newScores } from './arrays.js';
import type { BatchView, DiagnosticArrays } from './batch.js';
import type { Scores } from './types.js';

/** New arrays, of zeros, for every output that the caller did not bring. */
export function allocateOutputs(view: BatchView, teacherGrad: boolean, diagnostics: boolean): void {
  const { extent, queries } = view;
  if (view.grad === null) lendGrad(view, newScores(view.studentSource, extent));
  if (view.perQuery === null) view.perQuery = new Float32Array(queries);
  if (teacherGrad && view.teacherGrad === null) lendTeacherGrad(view, newScores(view.teacherSource!, extent));
  view.diagnostics = diagnostics ? newDiagnostics(extent, queries) : null;
}

function lendGrad(view: BatchView, grad: Scores): void {
  view.grad = nativeScores(grad);
  view.gradSource = grad;
  view.gradType = view.studentType;
}

function lendTeacherGrad(view: BatchView, teacherGrad: Scores): void {
  view.teacherGrad = nativeScores(teacherGrad);
  view.teacherGradSource = teacherGrad;
}

function newDiagnostics(extent: number, queries: number): DiagnosticArrays {
  return [
    new Float32Array(extent),
    new Float32Array(extent),
    new Float32Array(queries),
    new Float32Array(queries),
    new Float32Array(queries),
  ];
}

/** The outputs of a prepared loss: allocated once at the full size; a smaller batch gets the first part. */
export class ReusedOutputs {
  private readonly perQuery: Reused<Float32Array>;
  private grad: Reused<Scores>;
  private teacherGrad: Reused<Scores> | null = null;
  private diagnostics: Reused<Float32Array>[] | null = null;
  private diagnosticViews: DiagnosticArrays | null = null;

  constructor(
    private readonly documents: number,
    private readonly queries: number,
    like: Scores,
  ) {
    this.perQuery = new Reused(new Float32Array(queries), Float32Array);
    this.grad = new Reused(newScores(like, documents), like.constructor);
  }

  /** Sets every output that the caller did not bring. Their buffers are added to `view.ownBuffers`. */
  lend(view: BatchView, teacherGrad: boolean, diagnostics: boolean): void {
    const { extent, queries } = view;
    if (view.grad === null) {
      const { studentSource } = view;
      if (studentSource.constructor !== this.grad.kind) {
        this.grad = new Reused(newScores(studentSource, this.documents), studentSource.constructor);
        view.ownBuffers.push(this.grad.all.buffer);
      }
      lendGrad(view, this.grad.first(extent));
    }
    if (view.perQuery === null) view.perQuery = this.perQuery.first(queries);
    if (teacherGrad && view.teacherGrad === null) this.lendTeacherGrad(view);
    if (diagnostics) this.lendDiagnostics(view);
  }

  /** The buffers that exist from the start. */
  buffers(): ArrayBufferLike[] {
    return [this.grad.all.buffer, this.perQuery.all.buffer];
  }

  private lendTeacherGrad(view: BatchView): void {
    const teacher = view.teacherSource!;
    if (this.teacherGrad === null || teacher.constructor !== this.teacherGrad.kind) {
      this.teacherGrad = new Reused(newScores(teacher, this.documents), teacher.constructor);
      view.ownBuffers.push(this.teacherGrad.all.buffer);
    }
    lendTeacherGrad(view, this.teacherGrad.first(view.extent));
  }

  private lendDiagnostics(view: BatchView): void {
    const { extent, queries } = view;
    if (this.diagnostics === null) {
      const arrays = newDiagnostics(this.documents, this.queries);
      this.diagnostics = arrays.map((array) => new Reused(array, Float32Array));
      for (const array of arrays) view.ownBuffers.push(array.buffer);
    }
    const last = this.diagnosticViews;
    if (last === null || last[0].length !== extent || last[2].length !== queries) {
      this.diagnosticViews = this.diagnostics.map((array, i) =>
        array.first(i < 2 ? extent : queries),
      ) as DiagnosticArrays;
    }
    view.diagnostics = this.diagnosticViews;
  }
}

/** An array and a view of its first elements, made again only when another length is asked for. */
class Reused<T extends Scores> {
  private view: T;

  constructor(
    readonly all: T,
    /** The class of the arrays that this one stands beside. */
    readonly kind: unknown,
  ) {
    this.view = all;
  }

  first(length: number): T {
    if (this.view.length !== length) {
      this.view = (this.all as unknown as Float32Array).subarray(0, length) as unknown as T;
    }
    return this.view;
  }
}
