// Small batches are copied to internal memory, which goes to the addon as one buffer: passing an array to the addon costs more
// than copying a thousand numbers. Mirrors read_staged in src/addon/plan.cc.
import type { BatchView } from './batch.js';
import { copyInto, lengthOf, tagOf, type TypedArrayLike } from './intrinsics.js';
import { NativeArgument, NativeRankType, NativeStatus, NativeType, Scalar } from '../native/codes.js';
import { native, type RankArray, type ScoreArray } from '../native/native.js';

/** Maximum number of documents, and of offsets, in a batch that is copied. */
const most = 1024;
/** Bytes from the place of one argument to the next. */
const placeBytes = 4 * (most + 16);
const places = 16;
const scalarCount = 16;

// This memory is never exposed. Runs on one thread do not overlap, so all plans can share it.
const memory = new ArrayBuffer(8 * scalarCount + placeBytes * places);
/** The scalars of the last small batch. */
const stage = new Float64Array(memory, 0, scalarCount);
export { stage }; // exported separately, so that this file reads a variable and not a property of the module

const { runStaged } = native;

type Place = Exclude<NativeArgument, NativeArgument.none>;
const start = (place: Place) => 8 * scalarCount + placeBytes * (place - 1);
const floatsAt = (place: Place) => new Float32Array(memory, start(place), most);

/** A place for scores in both element sizes, and its first part, from which an output is copied. */
class ScoresPlace {
  private readonly floats: Float32Array;
  private readonly halves: Uint16Array;
  private part: ScoreArray;

  constructor(place: Place) {
    this.floats = floatsAt(place);
    this.halves = new Uint16Array(memory, start(place), most);
    this.part = this.floats;
  }
  put(array: ScoreArray, type: NativeType): void {
    copyInto(type === NativeType.float32 ? this.floats : this.halves, array);
  }
  /** Most batches have the size of the one before. */
  take(array: ScoreArray, type: NativeType, length: number): void {
    const all = type === NativeType.float32 ? this.floats : this.halves;
    if (this.part.length !== length || this.part.BYTES_PER_ELEMENT !== all.BYTES_PER_ELEMENT)
      this.part = all.subarray(0, length);
    copyInto(array, this.part);
  }
}

const student = new ScoresPlace(NativeArgument.student);
const teacher = new ScoresPlace(NativeArgument.teacher);
const labels = new Uint8Array(memory, start(NativeArgument.labels), most);
const offsets = new Int32Array(memory, start(NativeArgument.offsets), most);
const beta = floatsAt(NativeArgument.beta);
const relevance = floatsAt(NativeArgument.relevance);
const weights = floatsAt(NativeArgument.weights);
const grad = new ScoresPlace(NativeArgument.grad);
const perQuery = new ScoresPlace(NativeArgument.perQuery);
const teacherGrad = new ScoresPlace(NativeArgument.teacherGrad);
const diagnostics = [0, 1, 2, 3, 4].map((k) => new ScoresPlace(NativeArgument.diagnosticWeight + k));

const rankPlaces: Readonly<Record<string, readonly [NativeRankType, TypedArrayLike]>> = {
  Uint8Array: [NativeRankType.u8, new Uint8Array(memory, start(NativeArgument.ranks), most)],
  Uint16Array: [NativeRankType.u16, new Uint16Array(memory, start(NativeArgument.ranks), most)],
  Uint32Array: [NativeRankType.u32, new Uint32Array(memory, start(NativeArgument.ranks), most)],
  Int32Array: [NativeRankType.i32, new Int32Array(memory, start(NativeArgument.ranks), most)],
  Float32Array: [NativeRankType.f32, floatsAt(NativeArgument.ranks)],
};

/** The arrays that every batch has. */
const always =
  (1 << NativeArgument.student) |
  (1 << NativeArgument.labels) |
  (1 << NativeArgument.grad) |
  (1 << NativeArgument.perQuery);

/**
 * Whether a batch is small, has no gaps (whose contents must be kept), and has no input longer than the
 * batch.
 */
export function isSmall(view: BatchView): boolean {
  const { extent } = view;
  if (extent > most || extent === 0 || view.queries >= most || view.hasGaps()) return false;
  return view.exact || inputsEnd(view);
}

function inputsEnd(view: BatchView): boolean {
  for (const array of [view.student, view.teacher, view.labels, view.ranks, view.beta, view.relevance])
    if (array !== null && lengthOf(array) !== view.extent) return false;
  return true;
}

/** Runs the plan with this id on a small batch. Its scalars are in `stage` until the next run. */
export function runSmall(plan: number, view: BatchView): NativeStatus {
  stage[Scalar.plan] = plan;
  stage[Scalar.queries] = view.queries;
  stage[Scalar.docs] = view.docs;
  stage[Scalar.stride] = view.stride;
  stage[Scalar.studentType] = view.studentType;
  stage[Scalar.teacherType] = view.teacherType;
  stage[Scalar.gradType] = view.gradType;
  stage[Scalar.present] = load(view);
  const status = runStaged(memory);
  if (status === NativeStatus.ok) unload(view);
  return status;
}

/** Copies the inputs; returns the arguments that are present, outputs included, as bits. */
function load(view: BatchView): number {
  let present = always;
  student.put(view.student, view.studentType);
  copyInto(labels, view.labels);
  if (view.teacher !== null) {
    teacher.put(view.teacher, view.teacherType);
    present |= 1 << NativeArgument.teacher;
  }
  if (view.offsets !== null) {
    copyInto(offsets, view.offsets);
    present |= 1 << NativeArgument.offsets;
  }
  if (view.ranks !== null) {
    putRanks(view.ranks);
    present |= 1 << NativeArgument.ranks;
  }
  if (view.beta !== null) {
    copyInto(beta, view.beta);
    present |= 1 << NativeArgument.beta;
  }
  if (view.relevance !== null) {
    copyInto(relevance, view.relevance);
    present |= 1 << NativeArgument.relevance;
  }
  if (view.weights !== null) {
    copyInto(weights, view.weights);
    present |= 1 << NativeArgument.weights;
  }
  if (view.teacherGrad !== null) present |= 1 << NativeArgument.teacherGrad;
  if (view.diagnostics !== null) present |= 31 << NativeArgument.diagnosticWeight;
  return present;
}

function putRanks(array: RankArray): void {
  const [type, place] = rankPlaces[tagOf(array)!];
  stage[Scalar.rankType] = type;
  copyInto(place, array);
}

/** Copies the results to the batch's outputs. */
function unload(view: BatchView): void {
  const { extent, queries } = view;
  grad.take(view.grad!, view.gradType, extent);
  perQuery.take(view.perQuery!, NativeType.float32, queries);
  if (view.teacherGrad !== null) teacherGrad.take(view.teacherGrad, view.teacherType, extent);
  if (view.diagnostics === null) return;
  view.diagnostics.forEach((array, k) =>
    diagnostics[k].take(array, NativeType.float32, k < 2 ? extent : queries),
  );
}
