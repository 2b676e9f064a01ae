// The caller's batch in device memory, read once; and what such a batch is.
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { isInt32 } from '../loss/arrays.js';
import { snapshotOf } from '../loss/snapshot.js';
import type { BatchShape } from '../types.js';
import { type CudaArray, readInterface, type Shown } from './array-interface.js';
import { DeviceTensor } from './tensor.js';

/** Memory of the GPU: a tensor, or what shows itself by `__cuda_array_interface__`. */
export type DeviceArray = DeviceTensor | CudaArray;

/**
 * One batch of queries in memory of one GPU. Layout, meaning and ranges are those of `Batch` in the package root; the values themselves are
 * not checked, unless the loss was prepared with `check`.
 */
export interface DeviceBatch {
  /** Default: the student's own, if it has two dimensions; else the prepared shape. */
  shape?: BatchShape;
  /** Elements from the start of a row to the start of the next. */
  rowStride?: number;
  /** `queries + 1` positions: an `Int32Array` in host memory (checked), or int32 in device memory (no list longer than prepared for). */
  offsets?: Int32Array | DeviceArray;
  /** float32, bfloat16 or float16. */
  student: DeviceArray;
  /** float32, bfloat16 or float16; not needed for `nll` and `lambdaMrr`. */
  teacher?: DeviceArray;
  /** uint8: 1 positive, 0 negative, 255 padding. */
  labels: DeviceArray;
  /** uint8, uint16, uint32, int32 or float32. */
  ranks?: DeviceArray;
  /** float32 */
  beta?: DeviceArray;
  /** float32 */
  relevance?: DeviceArray;
  /** float32, per query. */
  weights?: DeviceArray;
  /** Where to write the gradient; may be the student itself. Default: memory of the prepared loss, overwritten by its next run. */
  grad?: DeviceArray;
  /** float32, per query. */
  perQuery?: DeviceArray;
  /** Of the teacher's type; implies the option `teacherGrad`. */
  teacherGrad?: DeviceArray;
}

/** What an array interface has shown, and whose it was. */
export class ShownArray {
  constructor(
    readonly owner: CudaArray,
    readonly shown: Shown,
  ) {}
}

export type Taken = DeviceTensor | ShownArray | undefined;

/** A batch that was read. */
export interface DeviceSnapshot {
  shape: BatchShape | undefined;
  rowStride: unknown;
  offsets: Taken | Int32Array;
  student: Taken;
  teacher: Taken;
  labels: Taken;
  ranks: Taken;
  beta: Taken;
  relevance: Taken;
  weights: Taken;
  grad: Taken;
  perQuery: Taken;
  teacherGrad: Taken;
}

/**
 * The caller's batch, read: each property once, and what array interfaces show. Nothing of the caller's runs after this, so that what is
 * checked is what is used. A teacher is left alone where no loss reads one.
 */
export function deviceSnapshotOf(batch: Partial<DeviceBatch>, readsTeacher: boolean): DeviceSnapshot {
  const own = snapshotOf(batch) as unknown as DeviceBatch;
  const { offsets } = own;
  return {
    shape: own.shape ?? undefined,
    rowStride: own.rowStride ?? undefined,
    offsets: isInt32(offsets) ? offsets : taken(offsets, 'offsets'),
    student: taken(own.student, 'student'),
    // One batch serves many losses: drop what this one does not read, whatever it holds.
    teacher: readsTeacher ? taken(own.teacher, 'teacher') : undefined,
    labels: taken(own.labels, 'labels'),
    ranks: taken(own.ranks, 'ranks'),
    beta: taken(own.beta, 'beta'),
    relevance: taken(own.relevance, 'relevance'),
    weights: taken(own.weights, 'weights'),
    grad: taken(own.grad, 'grad'),
    perQuery: taken(own.perQuery, 'perQuery'),
    teacherGrad: taken(own.teacherGrad, 'teacherGrad'),
  };
}

/** A tensor, or what an interface shows: read here, and looked at later. */
function taken(value: unknown, name: string): Taken {
  if (value === undefined || value === null) return undefined;
  if (DeviceTensor.made(value)) return value;
  if (DeviceTensor.shows(value)) return new ShownArray(value, readInterface(value, undefined));
  const found = `${name} is ${describe(value)}`;
  if (ArrayBuffer.isView(value)) {
    throw new CklTypeError(
      'ERR_CKL_DEVICE',
      `${found}, host memory; copy it with DeviceTensor.from(${name}), or call the losses of 'ckl-loss', which take such arrays`,
    );
  }
  const way =
    typeof value === 'bigint' ? '; a pointer is wrapped by DeviceTensor.view(pointer, shape, dtype)' : '';
  throw new CklTypeError(
    'ERR_CKL_TYPE',
    `${found}; it must be a DeviceTensor or have __cuda_array_interface__${way}`,
  );
}
