// Other tensors for a captured graph: whether they can take the places of those that it has.
import { CklRangeError, CklTypeError } from '../errors.js';
import { isInt32 } from '../loss/arrays.js';
import { DeviceScalar, NativeArgument } from '../native/codes.js';
import { fields } from '../native/fields.js';
import type { DeviceOutputs } from './batch.js';
import type { Stream } from './device.js';
import { checkOverlap } from './overlap.js';
import type { DeviceArray, DeviceBatch, DeviceSnapshot, Taken } from './snapshot.js';
import { addressOf, checkPlace, checkWritable, tensorOf } from './taken.js';
import type { DeviceTensor } from './tensor.js';

/** @internal What a loss was captured with. */
export interface CapturedCall {
  /** Every tensor that the graph reads or writes, by its place from DeviceScalar.student on: kept, and looked at before a launch. */
  tensors: readonly (DeviceTensor | null)[];
  /** The addon's numbers. */
  call: Float64Array;
  outputs: DeviceOutputs;
}

/** The arrays of a batch that {@link DeviceGraph.replace} puts in the place of others; those that are left out stay. */
export type GraphTensors = Partial<Omit<DeviceBatch, 'shape' | 'rowStride' | 'offsets'>> & {
  /** Only if the graph was captured with offsets in device memory. */
  offsets?: DeviceArray;
};

const place = (argument: NativeArgument): number => argument - NativeArgument.student;
const [student, teacher, offsets, grad, perQuery, teacherGrad] = [
  NativeArgument.student,
  NativeArgument.teacher,
  NativeArgument.offsets,
  NativeArgument.grad,
  NativeArgument.perQuery,
  NativeArgument.teacherGrad,
].map(place);

/** The tensors and numbers of a graph with what is given in its place. `stream` waits for the streams that arrays name. */
export function replaced(
  captured: CapturedCall,
  given: DeviceSnapshot,
  stream: Stream,
): Omit<CapturedCall, 'outputs'> {
  if (given.shape !== undefined || given.rowStride !== undefined) {
    throw new CklTypeError(
      'ERR_CKL_SHAPE',
      'shape or rowStride is given, and the layout of a captured graph stays; capture another graph',
    );
  }
  const tensors = [...captured.tensors];
  const call = captured.call.slice();
  for (const [k, { name, output }] of fields.entries()) {
    const value = given[name as keyof DeviceSnapshot] as Taken | Int32Array;
    const before = captured.tensors[k];
    // As in a batch: what the loss does not read is dropped, whatever it holds.
    if (value === undefined || (k === teacher && before === null)) continue;
    if (before === null) throw added(name, k === offsets);
    if (isInt32(value)) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `${name} is in host memory; copy it with DeviceTensor.from(${name})`,
      );
    }
    const tensor = tensorOf(value, stream);
    checkLike(tensor, before, name, output);
    tensors[k] = tensor;
    call[DeviceScalar.student + k] = addressOf(tensor);
  }
  if (inPlace(tensors) !== inPlace(captured.tensors)) {
    throw new CklRangeError(
      'ERR_CKL_OVERLAP',
      inPlace(tensors)
        ? 'grad is the student itself, which it was not when this graph was captured; give it memory of its own'
        : 'grad was the student itself when this graph was captured; replace both by one tensor',
    );
  }
  checkOverlap(tensors);
  return { tensors, call };
}

/** The outputs among the tensors; diagnostics stay. */
export function outputsOf(
  tensors: readonly (DeviceTensor | null)[],
  { diagnostics }: DeviceOutputs,
): DeviceOutputs {
  return {
    grad: tensors[grad]!,
    perQuery: tensors[perQuery] as DeviceTensor<'float32'>,
    teacherGrad: tensors[teacherGrad],
    diagnostics,
  };
}

function inPlace(tensors: readonly (DeviceTensor | null)[]): boolean {
  return tensors[grad]!.length > 0 && tensors[grad]!.address === tensors[student]!.address;
}

function added(name: string, isOffsets: boolean): Error {
  const why = isOffsets
    ? 'offsets is given, and this graph was captured without offsets in device memory: those in host memory were copied then'
    : `${name} is given, and this graph was captured without it`;
  return new CklTypeError('ERR_CKL_TYPE', `${why}; capture another graph`);
}

/** Refuses what is of another kind than the tensor before. */
function checkLike(tensor: DeviceTensor, before: DeviceTensor, name: string, output: boolean): void {
  checkPlace(tensor, name, before.device, 'this graph was captured');
  if (tensor.dtype !== before.dtype) {
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `${name} holds ${tensor.dtype}; this graph was captured with ${before.dtype}`,
    );
  }
  if (tensor.length !== before.length) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `${name} has ${tensor.length} elements; this graph was captured with ${before.length}`,
    );
  }
  if (output) checkWritable(tensor, name);
}
