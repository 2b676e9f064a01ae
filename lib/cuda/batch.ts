// Checks a batch in device memory and encodes it as numbers for the addon. Values are not checked, since that would wait for the GPU.
import { readsTeacher, type TeacherUse, whyNoTeacherGrad } from '../losses.js';
import { checkMemory, isInt32 } from '../loss/arrays.js';
import { snapshotOf } from '../loss/snapshot.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { DeviceScalar, NativeRankType, NativeType } from '../native/codes.js';
import { lengthOf } from '../loss/intrinsics.js';
import { isCount } from '../loss/layout.js';
import { type CudaArray, readInterface, type Shown } from './array-interface.js';
import type { Device, Stream } from './device.js';
import type { DeviceDtype } from './dtype.js';
import type { BatchShape } from '../types.js';
import { OverlapCheck } from './overlap.js';
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

const half = ['float32', 'bfloat16', 'float16'] as const;
const float = ['float32'] as const;
const scoreTypes: Partial<Record<DeviceDtype, NativeType>> = {
  float32: NativeType.float32,
  bfloat16: NativeType.bfloat16,
  float16: NativeType.float16,
};
const rankTypes: Partial<Record<DeviceDtype, NativeRankType>> = {
  uint8: NativeRankType.u8,
  uint16: NativeRankType.u16,
  uint32: NativeRankType.u32,
  int32: NativeRankType.i32,
  float32: NativeRankType.f32,
};
const rankDtypes = Object.keys(rankTypes) as DeviceDtype[];

/** Outputs, in the order of DeviceScalar from `grad` on. */
export interface DeviceOutputs {
  grad: DeviceTensor;
  perQuery: DeviceTensor<'float32'>;
  teacherGrad: DeviceTensor | null;
  /** weight, ratio, entropy, separation, separationTop10 */
  diagnostics: readonly DeviceTensor<'float32'>[] | null;
}

/** What an array interface has shown, and whose it was. */
class ShownArray {
  constructor(
    readonly owner: CudaArray,
    readonly shown: Shown,
  ) {}
}

type Taken = DeviceTensor | ShownArray | undefined;

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

/** The tensors of one batch, checked, and its layout. */
export class DeviceBatchView {
  queries = 0;
  docs = 0;
  /** Elements that arrays over documents need. */
  extent = 0;
  longest = 0;
  student!: DeviceTensor;
  teacher: DeviceTensor | null = null;
  hostOffsets: Int32Array | null = null;
  /** All tensors of the batch, by their places from DeviceScalar.student on. */
  readonly tensors: (DeviceTensor | null)[] = [];
  /** What waits for the streams that array interfaces name. */
  private stream!: Stream;
  private readonly overlap = new OverlapCheck();

  constructor(
    private readonly lossName: string,
    private readonly needsTeacher: TeacherUse,
    private readonly device: Device,
    private readonly size: readonly [number, number],
    /** The addon's numbers. */
    readonly call: Float64Array,
  ) {}

  /**
   * The caller's batch, read: each property once, and what array interfaces show. Nothing of the caller's runs after this, so that what is
   * checked is what is used.
   */
  snapshot(batch: DeviceBatch): DeviceSnapshot {
    const own = snapshotOf(batch) as unknown as DeviceBatch;
    const { offsets } = own;
    return {
      shape: own.shape ?? undefined,
      rowStride: own.rowStride ?? undefined,
      offsets: isInt32(offsets) ? offsets : taken(offsets, 'offsets'),
      student: taken(own.student, 'student'),
      // One batch serves many losses: drop what this one does not read, whatever it holds.
      teacher: this.needsTeacher ? taken(own.teacher, 'teacher') : undefined,
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

  /** Checks layout and inputs. Where an array names a stream, `stream` waits for it. */
  read(batch: DeviceSnapshot, stream: Stream): void {
    const { call } = this;
    this.stream = stream;
    this.student = this.take(batch.student, 'student', DeviceScalar.student, half)!;
    this.readLayout(batch);
    const { extent } = this;
    checkLength(this.student, extent, 'student');
    call[DeviceScalar.studentType] = scoreTypes[this.student.dtype]!;
    // One batch serves many losses: drop what this one does not read, whatever it holds.
    const reads = readsTeacher(this.needsTeacher, batch.relevance !== undefined);
    this.teacher = this.take(
      reads ? batch.teacher : undefined,
      'teacher',
      DeviceScalar.teacher,
      half,
      extent,
      reads,
    );
    call[DeviceScalar.teacherType] = this.teacher === null ? 0 : scoreTypes[this.teacher.dtype]!;
    this.take(batch.labels, 'labels', DeviceScalar.labels, ['uint8'], extent);
    const ranks = this.take(batch.ranks, 'ranks', DeviceScalar.ranks, rankDtypes, extent, false);
    call[DeviceScalar.rankType] = ranks === null ? NativeRankType.none : rankTypes[ranks.dtype]!;
    this.take(batch.beta, 'beta', DeviceScalar.beta, float, extent, false);
    this.take(batch.relevance, 'relevance', DeviceScalar.relevance, float, extent, false);
    this.take(batch.weights, 'weights', DeviceScalar.weights, float, this.queries, false);
  }

  /** Checks the outputs that the caller owns; the others come from `lend`. */
  readOutputs(
    batch: DeviceSnapshot,
    lend: (view: this, owned: Partial<DeviceOutputs>) => DeviceOutputs,
  ): DeviceOutputs {
    const { extent, queries, call } = this;
    const grad = this.take(batch.grad, 'grad', DeviceScalar.grad, half, extent, false) ?? undefined;
    const perQuery =
      this.take(batch.perQuery, 'perQuery', DeviceScalar.perQuery, float, queries, false) ?? undefined;
    if (batch.teacherGrad !== undefined && this.needsTeacher !== true) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `teacherGrad is given, but ${this.lossName} ${whyNoTeacherGrad(this.needsTeacher)}`,
      );
    }
    const types = [this.teacher?.dtype ?? 'float32'];
    const teacherGrad =
      this.take(batch.teacherGrad, 'teacherGrad', DeviceScalar.teacherGrad, types, extent, false) ??
      undefined;
    const outputs = lend(this, { grad, perQuery, teacherGrad } as Partial<DeviceOutputs>);
    this.put(DeviceScalar.grad, outputs.grad);
    this.put(DeviceScalar.perQuery, outputs.perQuery);
    this.put(DeviceScalar.teacherGrad, outputs.teacherGrad);
    for (let k = 0; k < 5; k++) this.put(DeviceScalar.diagnostics + k, outputs.diagnostics?.[k] ?? null);
    call[DeviceScalar.gradType] = scoreTypes[outputs.grad.dtype]!;
    return outputs;
  }

  /** Where the loss and the count go. Everything is in place then: outputs may not overlap with anything else. */
  finish(summary: DeviceTensor<'float64'>): void {
    this.put(DeviceScalar.summary, summary);
    this.overlap.check(this.call, this.tensors);
  }

  private readLayout(batch: DeviceSnapshot): void {
    const { call, size, student } = this;
    const { offsets } = batch;
    this.hostOffsets = null;
    this.put(DeviceScalar.offsets, null);
    if (offsets !== undefined) {
      if (batch.shape !== undefined || batch.rowStride !== undefined) {
        throw new CklTypeError(
          'ERR_CKL_SHAPE',
          'both offsets and shape or rowStride are given; a batch has one layout',
        );
      }
      let length: number;
      if (isInt32(offsets)) {
        checkMemory(offsets, 'offsets');
        this.hostOffsets = offsets;
        length = lengthOf(offsets);
      } else {
        length = this.take(offsets, 'offsets', DeviceScalar.offsets, ['int32'])!.length;
      }
      if (length < 1)
        throw new CklRangeError('ERR_CKL_OFFSETS', 'offsets is empty; it has one entry more than queries');
      this.queries = length - 1;
      this.docs = call[DeviceScalar.stride] = 0;
      this.longest = this.hostOffsets === null ? size[1] : longestRow(this.hostOffsets, this.queries);
      this.extent = this.hostOffsets === null ? student.length : this.hostOffsets[this.queries];
    } else {
      const own = student.shape.length === 2 ? student.shape : undefined;
      const [queries, docs] = batch.shape ?? own ?? size;
      const { rowStride = docs } = batch;
      if (!isCount(rowStride) || rowStride < docs) {
        throw new CklRangeError(
          'ERR_CKL_SHAPE',
          `rowStride is ${describe(rowStride)}; it must be an integer of at least ${docs}, the documents of a row`,
        );
      }
      this.queries = queries;
      this.docs = this.longest = docs;
      this.extent = queries === 0 ? 0 : (queries - 1) * rowStride + docs;
      call[DeviceScalar.stride] = rowStride;
    }
    if (this.queries > size[0] || this.longest > size[1]) {
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `the batch has ${this.queries} queries of up to ${this.longest} documents; ` +
          `this ${this.lossName} was prepared for [${size.join(', ')}]: split the batch, or prepare a larger shape`,
      );
    }
    call[DeviceScalar.queries] = this.queries;
    call[DeviceScalar.docs] = this.docs;
    call[DeviceScalar.longest] = this.longest;
    call[DeviceScalar.elements] = student.length;
  }

  /** A tensor of the batch, checked; `needed` elements at least. */
  private take(
    value: Taken,
    name: string,
    place: number,
    dtypes: readonly DeviceDtype[],
    needed = 0,
    required = true,
  ): DeviceTensor | null {
    if (value === undefined) {
      if (required) throw new CklTypeError('ERR_CKL_TYPE', `${name} is missing; ${this.lossName} reads it`);
      this.put(place, null);
      return null;
    }
    const tensor =
      value instanceof ShownArray
        ? DeviceTensor.shown(value.owner, value.shown, undefined, this.stream)
        : value;
    if (tensor.disposed)
      throw new CklTypeError('ERR_CKL_DISPOSED', `${name} was disposed; allocate another tensor`);
    if (tensor.device !== this.device) {
      throw new CklRangeError(
        'ERR_CKL_DEVICE',
        `${name} is on device ${tensor.device.index}; this ${this.lossName} was prepared for device ${this.device.index}`,
      );
    }
    if (!dtypes.includes(tensor.dtype)) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `${name} holds ${tensor.dtype}; it must hold ${dtypes.join(' or ')}`,
      );
    }
    if (place >= DeviceScalar.grad && tensor.readOnly) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `${name} is for reading only; an output needs memory to write to`,
      );
    }
    checkLength(tensor, needed, name);
    this.put(place, tensor);
    return tensor;
  }

  private put(place: number, tensor: DeviceTensor | null): void {
    this.tensors[place - DeviceScalar.student] = tensor;
    this.call[place] = tensor === null || tensor.length === 0 ? 0 : tensor.address;
  }
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

function checkLength(tensor: DeviceTensor, needed: number, name: string): void {
  if (tensor.length >= needed) return;
  throw new CklRangeError(
    'ERR_CKL_SHAPE',
    `${name} has ${tensor.length} elements; the batch needs at least ${needed}`,
  );
}

/** The addon checks the offsets; of those that are wrong any length will do. */
function longestRow(offsets: Int32Array, queries: number): number {
  let longest = 0;
  for (let b = 1; b <= queries; b++) longest = Math.max(longest, offsets[b] - offsets[b - 1]);
  return longest;
}
