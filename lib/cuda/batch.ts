// Checks a batch in device memory and encodes it as numbers for the addon. Values are not checked, since that would wait for the GPU.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { checkMemory, isInt32 } from '../loss/arrays.js';
import { lengthOf } from '../loss/intrinsics.js';
import { isCount } from '../loss/layout.js';
import { readsTeacher, type TeacherUse, whyNoTeacherGrad } from '../losses.js';
import { DeviceScalar, NativeArgument, NativeRankType, NativeType } from '../native/codes.js';
import { contents, fieldOf } from '../native/fields.js';
import type { Device, Stream } from './device.js';
import type { DeviceDtype } from './dtype.js';
import { OverlapCheck, places } from './overlap.js';
import type { DeviceSnapshot, Taken } from './snapshot.js';
import { addressOf, checkPlace, checkWritable, disposed, tensorOf } from './taken.js';
import type { DeviceTensor } from './tensor.js';

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

/** Outputs, in the order of DeviceScalar from `grad` on. */
export interface DeviceOutputs {
  grad: DeviceTensor;
  perQuery: DeviceTensor<'float32'>;
  teacherGrad: DeviceTensor | null;
  /** weight, ratio, entropy, separation, separationTop10 */
  diagnostics: readonly DeviceTensor<'float32'>[] | null;
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
  /** Whether its queries have weights. */
  weighted = false;
  /** All tensors of the batch, by their places from DeviceScalar.student on. */
  readonly tensors: (DeviceTensor | null)[] = [];
  /** What waits for the streams that array interfaces name. */
  private stream!: Stream;
  private readonly overlap = new OverlapCheck();

  constructor(
    private readonly lossName: string,
    readonly needsTeacher: TeacherUse,
    private readonly device: Device,
    private readonly size: readonly [number, number],
    /** The addon's numbers. */
    readonly call: Float64Array,
  ) {}

  /** Checks layout and inputs. Where an array names a stream, `stream` waits for it. */
  read(batch: DeviceSnapshot, stream: Stream): void {
    const { call } = this;
    this.stream = stream;
    this.student = this.take(batch.student, NativeArgument.student, true)!;
    this.readLayout(batch);
    checkLength(this.student, this.extent, 'student');
    call[DeviceScalar.studentType] = scoreTypes[this.student.dtype]!;
    // One batch serves many losses: drop what this one does not read, whatever it holds.
    const reads = readsTeacher(this.needsTeacher, batch.relevance !== undefined);
    this.teacher = this.take(reads ? batch.teacher : undefined, NativeArgument.teacher, reads);
    call[DeviceScalar.teacherType] = this.teacher === null ? 0 : scoreTypes[this.teacher.dtype]!;
    this.take(batch.labels, NativeArgument.labels, true);
    const ranks = this.take(batch.ranks, NativeArgument.ranks);
    call[DeviceScalar.rankType] = ranks === null ? NativeRankType.none : rankTypes[ranks.dtype]!;
    this.take(batch.beta, NativeArgument.beta);
    this.take(batch.relevance, NativeArgument.relevance);
    this.weighted = this.take(batch.weights, NativeArgument.weights) !== null;
  }

  /** Checks the outputs that the caller owns; the others come from `lend`. */
  readOutputs(
    batch: DeviceSnapshot,
    lend: (view: this, owned: Partial<DeviceOutputs>) => DeviceOutputs,
  ): DeviceOutputs {
    const { call } = this;
    const grad = this.take(batch.grad, NativeArgument.grad) ?? undefined;
    const perQuery = this.take(batch.perQuery, NativeArgument.perQuery) ?? undefined;
    if (batch.teacherGrad !== undefined && this.needsTeacher !== true) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `teacherGrad is given, but ${this.lossName} ${whyNoTeacherGrad(this.needsTeacher)}`,
      );
    }
    const types = [this.teacher?.dtype ?? 'float32'];
    const teacherGrad = this.take(batch.teacherGrad, NativeArgument.teacherGrad, false, types) ?? undefined;
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

  /** Throws where a tensor was disposed since: by a caller's code that ran in between. */
  checkLive(): void {
    this.tensors.forEach((tensor, place) => {
      if (tensor?.disposed) throw disposed(places[place]);
    });
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
        length = this.take(offsets, NativeArgument.offsets, true)!.length;
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

  /**
   * A tensor of the batch, checked. Of the student and of offsets, which give the layout, lengths are looked at by those who read it.
   * `dtypes`: where they are not those of the field.
   */
  private take(
    value: Taken,
    argument: NativeArgument,
    required = false,
    dtypes?: readonly DeviceDtype[],
  ): DeviceTensor | null {
    const { name, holds, per, output } = fieldOf(argument);
    const place = placeOf(argument);
    if (value === undefined) {
      if (required) throw new CklTypeError('ERR_CKL_TYPE', `${name} is missing; ${this.lossName} reads it`);
      this.put(place, null);
      return null;
    }
    const tensor = tensorOf(value, this.stream);
    checkPlace(tensor, name, this.device, `this ${this.lossName} was prepared`);
    const allowed: readonly DeviceDtype[] = dtypes ?? contents[holds].dtypes;
    if (!allowed.includes(tensor.dtype)) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `${name} holds ${tensor.dtype}; it must hold ${allowed.join(' or ')}`,
      );
    }
    if (output) checkWritable(tensor, name);
    if (argument !== NativeArgument.student && argument !== NativeArgument.offsets)
      checkLength(tensor, per === 'query' ? this.queries : this.extent, name);
    this.put(place, tensor);
    return tensor;
  }

  private put(place: number, tensor: DeviceTensor | null): void {
    this.tensors[place - DeviceScalar.student] = tensor;
    this.call[place] = addressOf(tensor);
  }
}

function placeOf(argument: NativeArgument): number {
  return DeviceScalar.student - NativeArgument.student + argument;
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
