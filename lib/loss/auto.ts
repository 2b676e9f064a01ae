// `backend: 'auto'` for host arrays: a prepared loss of large batches is timed on both backends and takes the GPU if it is clearly faster.
import { NativeStatus, NativeType, Scalar } from '../native/codes.js';
import { native, type NativePlanSpec } from '../native/native.js';
import { newScalars } from './run.js';
import type { BackendName } from '../types.js';

/** Smaller batches always stay on the CPU, which is done before a copy to a GPU and back would be. */
export const autoLeast = 65536;
/**
 * How many times as fast the GPU must be. The margin keeps chance from deciding, so that runs are repeatable.
 */
export const autoMargin = 1.5;
/** Maximum number of documents that are timed. */
const autoMost = 1 << 20;
const rounds = 5;

/** The least time of a batch in microseconds, copies included, and the resulting choice. */
export interface AutoChoice {
  backend: BackendName;
  cpu: number;
  cuda: number;
}

/** The time of a plan for a batch of this shape, in microseconds. */
export type Timer = (spec: NativePlanSpec, shape: readonly [number, number]) => number;

/** The backend for batches of up to `shape`, by timing; null if there is no choice. */
export function chooseBySpeed(
  spec: NativePlanSpec,
  [queries, docs]: readonly [number, number],
  time: Timer = timePlan,
): AutoChoice | null {
  if (queries * docs < autoLeast || !native.cuda().available) return null;
  const part = [Math.max(1, Math.min(queries, Math.floor(autoMost / docs))), docs] as const;
  const cpu = time({ ...spec, backend: 'cpu' }, part);
  const cuda = time({ ...spec, backend: 'cuda' }, part);
  return { backend: cuda * autoMargin < cpu ? 'cuda' : 'cpu', cpu, cuda };
}

function timePlan(spec: NativePlanSpec, [queries, docs]: readonly [number, number]): number {
  const plan = new native.Plan(spec);
  const n = queries * docs;
  // A low-discrepancy sequence: no ties, nothing degenerate, the same each time. Filled in a loop because
  // `from` takes longer than everything else.
  const scores = (step: number) => {
    const made = new Float32Array(n);
    for (let i = 0; i < n; i++) made[i] = ((i * step) % 1) * 8 - 4;
    return made;
  };
  const labels = new Uint8Array(n);
  for (let b = 0; b < queries; b++) labels[b * docs] = 1;
  const scalars = newScalars();
  scalars[Scalar.queries] = queries;
  scalars[Scalar.docs] = scalars[Scalar.stride] = docs;
  scalars[Scalar.studentType] = scalars[Scalar.teacherType] = scalars[Scalar.gradType] = NativeType.float32;
  const student = scores(0.6180339887498949);
  const teacher = scores(0.7548776662466927);
  const grad = new Float32Array(n);
  const perQuery = new Float32Array(queries);
  const run = () =>
    plan.run(student, teacher, labels, null, null, null, null, null, grad, perQuery, null, null, scalars);
  try {
    let least = Infinity;
    // The first round sets up what the others use: device memory, threads.
    for (let round = 0; round <= rounds; round++) {
      const start = performance.now();
      if (run() !== NativeStatus.ok) return Infinity; // a backend that fails cannot be the faster one
      if (round > 0) least = Math.min(least, performance.now() - start);
    }
    return least * 1000;
  } finally {
    plan.dispose();
  }
}
