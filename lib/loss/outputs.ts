// Output arrays that the caller does not provide: new ones for every call, or those that a prepared loss reuses.
import { allocate, nativeScores, scoresConstructor } from './arrays.js';
import type { BatchView, DiagnosticArrays } from './batch.js';
import { bufferOf, lengthOf } from './intrinsics.js';
import type { ScoreArray } from '../native/native.js';
import type { Scores } from '../types.js';

/** New arrays, of zeros, for every output that the caller did not provide. */
export function allocateOutputs(view: BatchView, teacherGrad: boolean, diagnostics: boolean): void {
  const { extent, queries } = view;
  if (view.grad === null) {
    const grad = newScores(view.studentSource, extent, 'grad');
    lendGrad(view, grad, nativeScores(grad));
  }
  if (view.perQuery === null) view.perQuery = allocate(Float32Array, queries, 'perQuery');
  if (teacherGrad && view.teacherGrad === null) {
    const scores = newScores(view.teacherSource!, extent, 'teacherGrad');
    lendTeacherGrad(view, scores, nativeScores(scores));
  }
  view.diagnostics = diagnostics ? newDiagnostics(extent, queries) : null;
}

function lendGrad(view: BatchView, grad: Scores, native: ScoreArray): void {
  view.grad = native;
  view.gradSource = grad;
  view.gradType = view.studentType;
}

function lendTeacherGrad(view: BatchView, teacherGrad: Scores, native: ScoreArray): void {
  view.teacherGrad = native;
  view.teacherGradSource = teacherGrad;
}

function newDiagnostics(extent: number, queries: number): DiagnosticArrays {
  const make = (length: number) => allocate(Float32Array, length, 'diagnostics');
  return [make(extent), make(extent), make(queries), make(queries), make(queries)];
}

/**
 * The outputs of a prepared loss: allocated once at the full size; a smaller batch gets the first part. One that the caller has transferred
 * away is replaced by a new one.
 */
export class ReusedOutputs {
  private readonly perQuery: Reused<Float32Array>;
  private grad: Reused<Scores>;
  /** The student whose class `grad` has. */
  private like: Scores;
  private teacherGrad: Reused<Scores> | null = null;
  private diagnostics: Reused<Float32Array>[] | null = null;
  private diagnosticViews: DiagnosticArrays | null = null;

  /** `ownBuffers` is kept up to date with the buffers of all these arrays. */
  constructor(
    private readonly documents: number,
    private readonly queries: number,
    like: Scores,
    private readonly ownBuffers: ArrayBufferLike[],
  ) {
    this.perQuery = new Reused(new Float32Array(0), queries, ownBuffers);
    this.grad = new Reused(like, documents, ownBuffers);
    this.like = like;
  }

  /** Sets every output that the caller did not provide. */
  lend(view: BatchView, teacherGrad: boolean, diagnostics: boolean): void {
    const { extent, queries } = view;
    if (view.grad === null) {
      if (view.studentSource !== this.like) this.follow(view.studentSource);
      const grad = this.grad.first(extent);
      lendGrad(view, grad, this.grad.native);
    }
    if (view.perQuery === null) view.perQuery = this.perQuery.first(queries);
    if (teacherGrad && view.teacherGrad === null) this.lendTeacherGrad(view);
    if (diagnostics) this.lendDiagnostics(view);
  }

  /** Makes the gradient of the class of another student. */
  private follow(student: Scores): void {
    if (scoresConstructor(student) !== this.grad.kind) {
      this.grad.drop();
      this.grad = new Reused(student, this.documents, this.ownBuffers);
    }
    this.like = student;
  }

  private lendTeacherGrad(view: BatchView): void {
    const teacher = view.teacherSource!;
    if (scoresConstructor(teacher) !== this.teacherGrad?.kind) {
      this.teacherGrad?.drop();
      this.teacherGrad = new Reused(teacher, this.documents, this.ownBuffers);
    }
    const scores = this.teacherGrad.first(view.extent);
    lendTeacherGrad(view, scores, this.teacherGrad.native);
  }

  private lendDiagnostics(view: BatchView): void {
    const { extent, queries } = view;
    this.diagnostics ??= [this.documents, this.documents, this.queries, this.queries, this.queries].map(
      (capacity) => new Reused(new Float32Array(0), capacity, this.ownBuffers),
    );
    const last = this.diagnosticViews;
    // Checks every length: the caller may have transferred any of them.
    if (last === null || last.some((array, i) => lengthOf(array) !== (i < 2 ? extent : queries))) {
      this.diagnosticViews = this.diagnostics.map((array, i) =>
        array.first(i < 2 ? extent : queries),
      ) as DiagnosticArrays;
    }
    view.diagnostics = this.diagnosticViews;
  }
}

function newScores(like: Scores, length: number, name: string): Scores {
  return allocate(scoresConstructor(like), length, name);
}

/** An array and a view of its first elements, which is recreated only if the requested length changes. */
class Reused<T extends Scores> {
  /** The array's constructor. */
  readonly kind: new (length: number) => Scores;
  private all: T;
  private buffer: ArrayBufferLike;
  private view: T;
  /** The last result of `first`, in the form that the addon takes. */
  native: ScoreArray;

  constructor(
    like: T,
    private readonly capacity: number,
    private readonly ownBuffers: ArrayBufferLike[],
  ) {
    this.kind = scoresConstructor(like);
    this.all = this.view = allocate(this.kind, capacity, 'an output') as T;
    this.native = nativeScores(this.all);
    this.buffer = bufferOf(this.all);
    ownBuffers.push(this.buffer);
  }

  // The caller also has these arrays, and may transfer them or define properties on them.
  first(length: number): T {
    if (lengthOf(this.view) !== length) {
      if (lengthOf(this.all) !== this.capacity) this.replace();
      const View = this.kind as unknown as new (buffer: ArrayBufferLike, offset: number, length: number) => T;
      this.view = new View(this.buffer, 0, length);
      this.native = nativeScores(this.view);
    }
    return this.view;
  }

  /** Takes the array from the list of buffers; its current holder keeps it. */
  drop(): void {
    this.ownBuffers.splice(this.ownBuffers.indexOf(this.buffer), 1);
  }

  private replace(): void {
    this.drop();
    this.all = allocate(this.kind, this.capacity, 'an output') as T;
    this.buffer = bufferOf(this.all);
    this.ownBuffers.push(this.buffer);
  }
}
