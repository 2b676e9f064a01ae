// Device memory: copies in and out, parts, its end, and what is refused.
import { describe, expect, it } from 'vitest';
import { CudaError } from '../../../lib/index';
import { DeviceTensor, devices, Stream } from '../../../lib/cuda/index';
import { errorOf, expectSameBits } from '../loss/helpers';
import { gpuCount, hasGpu } from './helpers';

/** Enough to be seen among what others of the machine do. */
const much = 2 ** 28;

describe.runIf(hasGpu)('copies', () => {
  const samples = [
    Float32Array.of(1.5, NaN, -Infinity, -0),
    Float64Array.of(1 / 3, 2),
    Uint8Array.of(0, 1, 255),
    Uint16Array.of(1, 65535),
    Uint32Array.of(4294967295),
    Int32Array.of(-1, 7),
  ];

  it.each(samples)('of $constructor.name come back as they went', async (array) => {
    using tensor = DeviceTensor.from(array);
    expect(tensor.length).toBe(array.length);
    expect(tensor.byteLength).toBe(array.byteLength);
    expectSameBits(tensor.toArray(), array);
    expectSameBits(await tensor.toArrayAsync(), array);
    const own = array.slice().fill(0);
    expect(tensor.copyTo(own)).toBe(own);
    expectSameBits(own, array);
  });

  it('of bit patterns keep their type', () => {
    using tensor = DeviceTensor.from(Uint16Array.of(0x3f80, 0xbf80), { dtype: 'bfloat16' });
    expect(tensor.dtype).toBe('bfloat16');
    expectSameBits(tensor.toArray(), Uint16Array.of(0x3f80, 0xbf80));
    tensor.copyFrom(Uint16Array.of(1, 2));
    expectSameBits(tensor.toArray(), Uint16Array.of(1, 2));
  });

  it('of many megabytes go through pinned memory in pieces', async () => {
    const array = Float32Array.from({ length: 3_000_001 }, (_, i) => i);
    using tensor = DeviceTensor.from(array);
    expectSameBits(tensor.toArray(), array);
    using copy = DeviceTensor.allocate(array.length);
    await copy.copyFromAsync(tensor);
    expectSameBits(await copy.toArrayAsync(), array);
  });

  it('have read the array when they return', async () => {
    const array = Float32Array.of(1, 2, 3);
    using tensor = DeviceTensor.allocate(3);
    const done = tensor.copyFromAsync(array);
    array.fill(9);
    expect(await done).toBe(tensor);
    expectSameBits(tensor.toArray(), Float32Array.of(1, 2, 3));
  });

  it('to the host are of the moment they were asked for', async () => {
    using tensor = DeviceTensor.from(Float32Array.of(1, 2));
    const before = tensor.toArrayAsync();
    tensor.copyFrom(Float32Array.of(3, 4));
    const after = tensor.toArrayAsync();
    tensor.clear();
    expectSameBits(await before, Float32Array.of(1, 2));
    expectSameBits(await after, Float32Array.of(3, 4));
    expectSameBits(tensor.toArray(), new Float32Array(2));
  });

  it('that no array of the host could hold are refused', async () => {
    using tensor = DeviceTensor.allocate(1, 'uint8');
    const view = DeviceTensor.view(tensor.pointer, 2 ** 49, 'uint8');
    await expect(view.toArrayAsync()).rejects.toThrow(RangeError);
    expect(() => view.toArray()).toThrow(RangeError);
  });

  it('reach memory that threads share', () => {
    const shared = new Float32Array(new SharedArrayBuffer(16), 4, 2);
    shared.set([1, 2]);
    using tensor = DeviceTensor.from(shared);
    shared.fill(0);
    tensor.copyTo(shared);
    expect([...shared]).toEqual([1, 2]);
  });

  it('of nothing are allowed', async () => {
    using tensor = DeviceTensor.from(new Float32Array(0));
    expect(tensor.toArray().length).toBe(0);
    expect((await tensor.copyFromAsync(new Float32Array(0))).length).toBe(0);
    expect((await tensor.toArrayAsync()).length).toBe(0);
  });

  it('keep a shape', () => {
    using tensor = DeviceTensor.from(new Float32Array(6), { shape: [2, 3] });
    expect(tensor.shape).toEqual([2, 3]);
    expect(errorOf(() => DeviceTensor.from(new Float32Array(6), { shape: [2, 4] })).code).toBe(
      'ERR_CKL_SHAPE',
    );
  });

  it('of a part over another that shares memory are refused', () => {
    using tensor = DeviceTensor.from(Float32Array.of(1, 2, 3, 4));
    const error = errorOf(() => tensor.subtensor(1).copyFrom(tensor.subtensor(0, 3)));
    expect(error.code).toBe('ERR_CKL_OVERLAP');
    tensor.subtensor(2).copyFrom(tensor.subtensor(0, 2));
    expectSameBits(tensor.toArray(), Float32Array.of(1, 2, 1, 2));
  });

  it('of another length or type are refused, and nothing is written', () => {
    using tensor = DeviceTensor.from(Float32Array.of(1, 2));
    const wrongLength = errorOf(() => tensor.copyFrom(new Float32Array(3)));
    expect(wrongLength.message).toBe(
      'source has 3 elements and this tensor 2; take a subtensor or a subarray',
    );
    expect(errorOf(() => tensor.copyFrom(new Float64Array(2))).message).toBe(
      'source holds float64 and this tensor float32',
    );
    expect(errorOf(() => tensor.copyTo(new Uint16Array(2))).code).toBe('ERR_CKL_TYPE');
    expect(errorOf(() => tensor.copyFrom([1, 2] as unknown as Float32Array)).code).toBe('ERR_CKL_TYPE');
    expectSameBits(tensor.toArray(), Float32Array.of(1, 2));
  });
});

describe.runIf(hasGpu)('a subtensor', () => {
  it('is a part of its tensor and ends with it', () => {
    const tensor = DeviceTensor.from(Float32Array.of(0, 1, 2, 3, 4));
    const part = tensor.subtensor(1, 3);
    expectSameBits(part.toArray(), Float32Array.of(1, 2));
    part.copyFrom(Float32Array.of(7, 8));
    part.dispose();
    expectSameBits(tensor.toArray(), Float32Array.of(0, 7, 8, 3, 4));
    const other = tensor.subtensor(3);
    tensor.dispose();
    expect(errorOf(() => other.toArray()).code).toBe('ERR_CKL_DISPOSED');
  });

  it.each([
    [-1, 2],
    [2, 1],
    [0, 6],
    [0.5, 2],
  ])('from %d to %d is refused', (begin, end) => {
    using tensor = DeviceTensor.allocate(5);
    expect(errorOf(() => tensor.subtensor(begin, end)).code).toBe('ERR_CKL_SHAPE');
  });
});

describe.runIf(hasGpu)('allocation', () => {
  it('of more than there is fails with CUDA’s name, and the next works', () => {
    const error = errorOf(() => DeviceTensor.allocate(2 ** 40)) as unknown as CudaError;
    expect(error).toBeInstanceOf(CudaError);
    expect(error.cudaName).toBe('cudaErrorMemoryAllocation');
    expect(error.code).toBe('ERR_CKL_CUDA');
    using small = DeviceTensor.from(Float32Array.of(1));
    expectSameBits(small.toArray(), Float32Array.of(1));
  });

  it('is given back by dispose', () => {
    const [device] = devices();
    const before = device.freeMemory();
    const tensor = DeviceTensor.allocate(much, 'uint8');
    expect(before - device.freeMemory()).toBeGreaterThanOrEqual(much);
    tensor.dispose();
    tensor.dispose();
    expect(tensor.disposed).toBe(true);
    expect(before - device.freeMemory()).toBeLessThan(much / 2);
    expect(errorOf(() => tensor.pointer).code).toBe('ERR_CKL_DISPOSED');
    expect(errorOf(() => tensor.copyFrom(new Float32Array(1))).code).toBe('ERR_CKL_DISPOSED');
  });

  it.each([[-1], [1.5], [[2, -1]], ['x'], [[2 ** 30, 2 ** 30]]])('of shape %j is refused', (shape) => {
    expect(errorOf(() => DeviceTensor.allocate(shape as number)).code).toBe('ERR_CKL_SHAPE');
  });

  it('of an unknown element type or device is refused', () => {
    expect(errorOf(() => DeviceTensor.allocate(1, 'int64' as 'int32')).message).toMatch(
      /^dtype is 'int64'; it must be/,
    );
    const error = errorOf(() => DeviceTensor.allocate(1, 'float32', { device: 99 }));
    expect(error.code).toBe('ERR_CKL_DEVICE');
    expect(error.message).toBe(`device is 99; this machine has ${gpuCount}, numbered from 0`);
  });
});

describe.runIf(gpuCount > 1)('several devices', () => {
  it('have memory and streams of their own', () => {
    using there = DeviceTensor.from(Float32Array.of(1, 2), { device: 1 });
    expect(there.device.index).toBe(1);
    expectSameBits(there.toArray(), Float32Array.of(1, 2));
    using here = DeviceTensor.allocate(2);
    expect(errorOf(() => here.copyFrom(there)).message).toMatch(
      /^source is on device 1 and this tensor on device 0/,
    );
    using stream = Stream.create({ device: 1 });
    expect(errorOf(() => here.toArray({ stream })).message).toBe(
      'stream belongs to device 1, and the work to device 0',
    );
    expect(errorOf(() => DeviceTensor.view(there.pointer, 2, 'float32', { device: 0 })).code).toBe(
      'ERR_CKL_DEVICE',
    );
    expect(DeviceTensor.view(there.pointer, 2, 'float32').device.index).toBe(1);
  });
});
