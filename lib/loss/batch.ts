// Checks a batch and holds it as the positional arguments of the addon. The addon itself checks the values.
import { readsTeacher, type TeacherUse, whyNoTeacherGrad } from '../losses.js';
import {
  type BatchArray,
  checkMemory,
  type HalfType,
  isFloat32,
  isRanks,
  isUint8,
  nativeScores,
  scoreType,
  wrongArray,
} from './arrays.js';
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { LayoutView, type Shape } from './layout.js';
import { NativeArgument, NativeType } from '../native/codes.js';
import { contents, fieldOf, fields } from '../native/fields.js';
import { type RankArray, type ScoreArray } from '../native/native.js';
import type { Batch, Ranks, Scores } from '../types.js';

/**
 * Stands for "no array yet". No caller can have it, so it is never mistaken for an array that was checked
 * before.
 */
const none = new Float32Array(0);
const noLabels = new Uint8Array(0);

export type DiagnosticArrays = [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];

/**
 * The arrays of one batch, checked. A prepared loss keeps its view: an array that is the same object as in the last batch has passed its
 * type and memory checks already (a typed array's buffer never changes, and a detached array has length 0).
 */
export class BatchView extends LayoutView {
  student: ScoreArray = none;
  studentType: NativeType = NativeType.float32;
  teacher: ScoreArray | null = null;
  teacherType: NativeType = NativeType.float32;
  labels: Uint8Array = noLabels;
  ranks: RankArray | null = null;
  beta: Float32Array | null = null;
  relevance: Float32Array | null = null;
  weights: Float32Array | null = null;
  grad: ScoreArray | null = null;
  gradType: NativeType = NativeType.float32;
  perQuery: Float32Array | null = null;
  teacherGrad: ScoreArray | null = null;
  diagnostics: DiagnosticArrays | null = null;

  /** The caller's score arrays, which differ from those above for a Float16Array. */
  studentSource: Scores = none;
  teacherSource: Scores | null = null;
  gradSource: Scores | null = null;
  teacherGradSource: Scores | null = null;

  /** The offsets of the last batch. */
  private lastOffsets: Int32Array | null = null;
  /** Whether any array is not the same object as in the last batch. */
  changed = false;
  /**
   * The buffer of each array, by NativeArgument: arrays with different buffers need no further comparison.
   * Diagnostics have none.
   */
  readonly buffers: (ArrayBufferLike | null)[] = new Array<ArrayBufferLike | null>(fields.length + 1).fill(
    null,
  );
  /**
   * Buffers of outputs that the library lends to the caller, and whether one of them ever came back as an
   * input.
   */
  ownBuffers: ArrayBufferLike[] = [];
  aliased = false;

  /** Takes the inputs. `lossName` and `needsTeacher` describe the loss that will read them. */
  readInputs(batch: Batch, half: HalfType, lossName: string, needsTeacher: TeacherUse): void {
    const { student, labels } = batch;
    if (this.offsets !== this.lastOffsets) this.acceptOffsets();
    if (student !== this.studentSource) this.acceptStudent(student, half);
    this.checkInput(this.student, 'student');
    this.readTeacher(batch, half, lossName, needsTeacher);
    if (labels !== this.labels) this.acceptLabels(labels);
    this.checkInput(labels, 'labels');
    this.ranks = this.readRanks(batch.ranks);
    this.beta = this.readFloats(batch.beta, this.beta, NativeArgument.beta);
    this.relevance = this.readFloats(batch.relevance, this.relevance, NativeArgument.relevance);
    this.weights = this.readFloats(batch.weights, this.weights, NativeArgument.weights);
    if (this.beta !== null) this.checkInput(this.beta, 'beta');
    if (this.relevance !== null) this.checkInput(this.relevance, 'relevance');
    if (this.weights !== null) this.checkQueryInput(this.weights, 'weights');
  }

  private readTeacher(batch: Batch, half: HalfType, lossName: string, needsTeacher: TeacherUse): void {
    const { teacher } = batch;
    const reads = readsTeacher(needsTeacher, batch.relevance !== undefined && batch.relevance !== null);
    if (teacher === undefined || teacher === null) {
      if (reads) throw missingTeacher(lossName, needsTeacher);
      this.teacher = this.teacherSource = null;
      return;
    }
    if (teacher !== this.teacherSource) this.acceptTeacher(teacher, half);
    this.checkInput(this.teacher!, 'teacher');
    // One batch serves many losses: drop what this one does not read, whatever it holds.
    if (!reads) this.teacher = this.teacherSource = null;
  }

  /** Takes the caller's outputs, null if absent. Returns whether there is any. */
  readOutputs(
    batch: Batch,
    teacherGradOption: boolean | Scores | undefined,
    half: HalfType,
    lossName: string,
    needsTeacher: TeacherUse,
  ): boolean {
    const { grad, perQuery } = batch;
    const teacherGrad =
      batch.teacherGrad ?? (typeof teacherGradOption === 'object' ? teacherGradOption : undefined);
    if (grad === undefined || grad === null) {
      this.grad = this.gradSource = null;
    } else {
      if (grad !== this.gradSource) this.acceptGrad(grad, half);
      this.checkOutput(this.grad!, 'grad');
    }
    this.perQuery = this.readFloats(perQuery, this.perQuery, NativeArgument.perQuery);
    if (this.perQuery !== null) this.checkQueryOutput(this.perQuery, 'perQuery');
    if (teacherGrad === undefined) this.teacherGrad = this.teacherGradSource = null;
    else this.readTeacherGrad(teacherGrad, half, lossName, needsTeacher);
    return this.grad !== null || this.perQuery !== null || this.teacherGrad !== null;
  }

  /**
   * Whether one of the caller's outputs may share memory with another array: a quick no, or a yes that needs
   * a closer look.
   */
  sharesBuffers(): boolean {
    const { buffers } = this;
    for (let out: number = NativeArgument.grad; out <= NativeArgument.teacherGrad; out++) {
      const buffer = buffers[out];
      if (buffer === null) continue;
      for (let other: number = NativeArgument.student; other <= NativeArgument.teacherGrad; other++) {
        if (buffers[other] !== buffer || other === out) continue;
        const inPlace =
          out === NativeArgument.grad && other === NativeArgument.student && this.grad === this.student;
        if (!inPlace) return true;
      }
    }
    return false;
  }

  /** Lets go of the batch, so that its memory can be collected. */
  release(): void {
    this.student = this.studentSource = none;
    this.labels = noLabels;
    this.teacher = this.teacherSource = null;
    this.ranks = this.beta = this.relevance = this.weights = null;
    this.grad = this.gradSource = this.perQuery = null;
    this.teacherGrad = this.teacherGradSource = null;
    this.diagnostics = null;
    this.offsets = this.lastOffsets = null;
    this.buffers.fill(null);
  }

  private readTeacherGrad(
    teacherGrad: Scores,
    half: HalfType,
    lossName: string,
    needsTeacher: TeacherUse,
  ): void {
    if (needsTeacher !== true) {
      const why = whyNoTeacherGrad(needsTeacher);
      throw new CklTypeError('ERR_CKL_TYPE', `teacherGrad is given, but ${lossName} ${why}`);
    }
    // The teacher's type may have changed under the same teacherGrad.
    if (teacherGrad !== this.teacherGradSource || this.changed) this.acceptTeacherGrad(teacherGrad, half);
    this.checkOutput(this.teacherGrad!, 'teacherGrad');
  }

  private acceptTeacherGrad(teacherGrad: Scores, half: HalfType): void {
    if (scoreType(teacherGrad, half, 'teacherGrad') !== this.teacherType) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `teacherGrad is ${describe(teacherGrad)} and teacher is ${describe(this.teacherSource)}; both must hold the same type`,
      );
    }
    this.accept(teacherGrad, NativeArgument.teacherGrad);
    this.teacherGrad = nativeScores(teacherGrad);
    this.teacherGradSource = teacherGrad;
  }

  private acceptOffsets(): void {
    if (this.offsets !== null) this.accept(this.offsets, NativeArgument.offsets);
    this.lastOffsets = this.offsets;
  }

  private acceptStudent(student: Scores, half: HalfType): void {
    this.studentType = scoreType(student, half, 'student');
    this.accept(student, NativeArgument.student);
    this.student = nativeScores(student);
    this.studentSource = student;
  }

  private acceptTeacher(teacher: Scores, half: HalfType): void {
    this.teacherType = scoreType(teacher, half, 'teacher');
    this.accept(teacher, NativeArgument.teacher);
    this.teacher = nativeScores(teacher);
    this.teacherSource = teacher;
  }

  private acceptGrad(grad: Scores, half: HalfType): void {
    this.gradType = scoreType(grad, half, 'grad');
    this.accept(grad, NativeArgument.grad);
    this.grad = nativeScores(grad);
    this.gradSource = grad;
  }

  private acceptLabels(labels: unknown): void {
    if (!isUint8(labels)) throw wrongContents(labels, NativeArgument.labels);
    this.accept(labels, NativeArgument.labels);
    this.labels = labels;
  }

  private readRanks(ranks: Ranks | undefined): RankArray | null {
    if (ranks === undefined || ranks === null) return null;
    if (ranks !== this.ranks) {
      if (!isRanks(ranks)) throw wrongContents(ranks, NativeArgument.ranks);
      this.accept(ranks, NativeArgument.ranks);
    }
    this.checkInput(ranks, 'ranks');
    return ranks;
  }

  private readFloats(
    value: Float32Array | undefined,
    last: Float32Array | null,
    argument: NativeArgument,
  ): Float32Array | null {
    if (value === undefined || value === null) return null;
    if (value !== last) {
      if (!isFloat32(value)) throw wrongContents(value, argument);
      this.accept(value, argument);
    }
    return value;
  }

  /** Checks an array that was not in the last batch: its memory must not be shared. */
  private accept(array: BatchArray, argument: NativeArgument): void {
    const buffer = checkMemory(array, fieldOf(argument).name);
    this.changed = true;
    this.buffers[argument] = buffer;
    if (this.ownBuffers.includes(buffer)) this.aliased = true;
  }
}

function missingTeacher(lossName: string, needsTeacher: TeacherUse): Error {
  return new CklTypeError(
    'ERR_CKL_TYPE',
    needsTeacher === true
      ? `teacher is missing; ${lossName} compares the student with it`
      : `relevance and teacher are missing; ${lossName} takes the order of the documents from one of them`,
  );
}

function wrongContents(value: unknown, argument: NativeArgument): Error {
  const { name, holds } = fieldOf(argument);
  return wrongArray(name, value, contents[holds].arrays);
}

/** Reads the layout before the inputs: its error is the more useful one when both are wrong. */
export function readBatch(
  view: BatchView,
  batch: Batch,
  usual: Shape | null,
  half: HalfType,
  lossName: string,
  needsTeacher: TeacherUse,
): void {
  view.read(batch, usual);
  view.readInputs(batch, half, lossName, needsTeacher);
}
