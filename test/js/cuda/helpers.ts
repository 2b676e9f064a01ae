// Batches in memory of a GPU, and what the tests of ckl-loss/cuda need to know of the machine.
import { backends, type Batch } from '../../../lib/index';
import { type DeviceBatch, DeviceTensor, devices } from '../../../lib/cuda/index';
import type { HostArray } from '../../../lib/cuda/index';

/** Real or emulated (test/emulator/run.sh). Without one, these tests have nothing to run on. */
export const hasGpu = backends().cuda.available;
export const isEmulated = hasGpu && devices()[0].name.startsWith('emulated');
export const gpuCount = hasGpu ? devices().length : 0;

/** A test's second device, where there is one. */
export const second = gpuCount > 1 ? 1 : 0;

const arrays = [
  ...['student', 'teacher', 'labels', 'ranks', 'beta', 'relevance', 'weights', 'grad', 'perQuery'],
  'teacherGrad',
] as const;

/** The batch in device memory; offsets stay on the host unless told otherwise. */
export function toDevice(
  batch: Batch,
  {
    dtype,
    device = 0,
    deviceOffsets = false,
  }: { dtype?: 'bfloat16' | 'float16'; device?: number; deviceOffsets?: boolean } = {},
): DeviceBatch {
  const { shape, rowStride, offsets } = batch;
  const made: Record<string, unknown> = { shape, rowStride, offsets };
  for (const name of arrays) {
    const array = batch[name as keyof Batch] as HostArray | undefined;
    if (array === undefined) continue;
    const halves = name !== 'ranks' && array instanceof Uint16Array;
    made[name] = DeviceTensor.from(array, { device, dtype: halves ? dtype : undefined });
  }
  if (deviceOffsets) made.offsets = DeviceTensor.from(offsets!, { device });
  return made as unknown as DeviceBatch;
}
