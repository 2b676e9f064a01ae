// Arrays in pinned memory: copies and losses of host arrays use them directly, with the results of ordinary arrays.
import { constants } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { allocateHost, DeviceTensor, prepare, Stream } from '../../../lib/cuda/index';
import { type Batch, ckl, cklAsync, prepare as prepareOnHost } from '../../../lib/index';
import { errorOf, expectSameBits, randomBatch } from '../loss/helpers';
import { gpuCount, hasGpu } from './helpers';

/** A pinned copy of an array. */
function pinned<A extends Float32Array | Uint8Array>(array: A): A {
  const made = allocateHost(array.length, array instanceof Uint8Array ? 'uint8' : 'float32');
  made.set(array);
  return made as unknown as A;
}

const pinnedBatch = <B extends Batch>(batch: B): B => ({
  ...batch,
  student: pinned(batch.student as Float32Array),
  teacher: pinned(batch.teacher as Float32Array),
  labels: pinned(batch.labels as Uint8Array),
});

describe.runIf(hasGpu)('allocateHost', () => {
  it.each([
    ['float32', Float32Array],
    ['float64', Float64Array],
    ['bfloat16', Uint16Array],
    ['float16', Uint16Array],
    ['uint8', Uint8Array],
    ['uint16', Uint16Array],
    ['uint32', Uint32Array],
    ['int32', Int32Array],
  ] as const)('gives zeros of %s', (dtype, Made) => {
    using array = allocateHost(5, dtype);
    expect(Object.getPrototypeOf(array)).toBe(Made.prototype);
    expect([...array]).toEqual([0, 0, 0, 0, 0]);
    array[3] = 7;
    expect(array[3]).toBe(7);
    expect(Object.keys(array)).toEqual(['0', '1', '2', '3', '4']);
  });

  it('is of float32 unless told otherwise, may be empty, and serves every device', () => {
    using array = allocateHost(3);
    expect(array).toBeInstanceOf(Float32Array);
    using empty = allocateHost(0, 'uint8');
    expect(empty.length).toBe(0);
    array.set([1, 2, 3]);
    for (let device = 0; device < gpuCount; device++) {
      using there = allocateHost(3, 'float32', { device });
      using tensor = DeviceTensor.from(array, { device });
      expectSameBits(tensor.copyTo(there), Float32Array.of(1, 2, 3));
    }
  });

  it.each([-1, 0.5, NaN, 2 ** 60, Math.floor(constants.MAX_LENGTH / 4) + 1])(
    'refuses length %d',
    (length) => {
      const error = errorOf(() => allocateHost(length));
      expect(error).toBeInstanceOf(RangeError);
      expect(error.code).toBe('ERR_CKL_SHAPE');
      expect(error.message).toMatch(/^length is .+; it must be an integer from 0 to \d+, the longest array/);
    },
  );

  it('refuses other arguments by name', () => {
    const length = errorOf(() => allocateHost([4] as unknown as number));
    expect(length).toBeInstanceOf(TypeError);
    expect(length.message).toMatch(/^length is .+; it must be a number$/);
    expect(errorOf(() => allocateHost(4, 'int64' as 'int32')).message).toMatch(
      /^dtype is 'int64'; it must be float32, /,
    );
    expect(errorOf(() => allocateHost(4, 'int32', { device: 99 })).code).toBe('ERR_CKL_DEVICE');
    expect(errorOf(() => allocateHost(4, 'int32', { devise: 0 } as object)).code).toBe('ERR_CKL_OPTION');
  });

  it('is detached by dispose, which may be called twice, and refused from then on', async () => {
    const array = allocateHost(4);
    const view = array.subarray(1);
    using tensor = DeviceTensor.allocate(4);
    array.dispose();
    array.dispose();
    expect([array.length, view.length, array.buffer.byteLength]).toEqual([0, 0, 0]);
    expect(errorOf(() => tensor.copyFrom(array)).code).toBe('ERR_CKL_SHAPE');
    await expect(tensor.copyToAsync(array)).rejects.toMatchObject({ code: 'ERR_CKL_SHAPE' });
    const batch = randomBatch({ seed: 5, queries: 1, docs: 4 });
    expect(errorOf(() => ckl({ ...batch, student: array }, { backend: 'cuda' })).code).toBe('ERR_CKL_BUFFER');
  });

  it('is freed at once by dispose, and by the garbage collector when it is unreachable', async () => {
    const resident = () => process.memoryUsage().rss / 2 ** 20;
    const before = resident();
    for (let k = 0; k < 100; k++) allocateHost(1 << 21).dispose(); // 8 MiB each
    expect(resident() - before).toBeLessThan(200);
    for (let k = 0; k < 100; k++) {
      allocateHost(1 << 21);
      if (k % 10 === 9) await new Promise(setImmediate);
    }
    expect(resident() - before).toBeLessThan(600);
  });
});

describe.runIf(hasGpu)('copies of pinned arrays', () => {
  const values = Float32Array.from({ length: 3000 }, (_, k) => Math.sin(k));

  it('give what those of ordinary arrays give, whole and in part', () => {
    using array = allocateHost(3000);
    array.set(values);
    using tensor = DeviceTensor.from(array, { shape: [30, 100] });
    expectSameBits(tensor.toArray(), values);
    tensor.subtensor(10, 20).copyFrom(array.subarray(2000, 2010));
    using back = allocateHost(4000);
    tensor.copyTo(back.subarray(500, 3500));
    expectSameBits(back.slice(510, 520), values.slice(2000, 2010));
    expectSameBits(back.slice(520, 3500), values.slice(20));
    expect([back[499], back[3500]]).toEqual([0, 0]);
  });

  it('have been made when copyFrom returns, however the array changes then', () => {
    using stream = Stream.create();
    using array = allocateHost(3000);
    array.set(values);
    using tensor = DeviceTensor.allocate(3000);
    tensor.copyFrom(array, { stream });
    array.fill(0);
    expectSameBits(tensor.toArray({ stream }), values);
  });

  it('read the array until copyFromAsync has resolved', async () => {
    using stream = Stream.create();
    using array = allocateHost(3000);
    array.set(values);
    using tensor = DeviceTensor.allocate(3000);
    expect(await tensor.copyFromAsync(array, { stream })).toBe(tensor);
    array.fill(0);
    expectSameBits(tensor.toArray({ stream }), values);
  });

  it('write the array before copyToAsync has resolved, at that point of the stream', async () => {
    using stream = Stream.create();
    using array = allocateHost(3000);
    using tensor = DeviceTensor.from(values, { stream });
    const copied = tensor.copyToAsync(array, { stream });
    tensor.clear({ stream });
    expect(await copied).toBe(array);
    expectSameBits(array.slice(), values);
    const ordinary = new Float32Array(3000).fill(1);
    expect(await tensor.copyToAsync(ordinary, { stream })).toBe(ordinary);
    expect(ordinary.every((x) => x === 0)).toBe(true);
  });

  it('go on with memory that is disposed meanwhile', async () => {
    using stream = Stream.create();
    const [from, to] = [allocateHost(3000), allocateHost(3000)];
    from.set(values);
    using tensor = DeviceTensor.allocate(3000);
    using source = DeviceTensor.from(values, { stream });
    const [there, back] = [tensor.copyFromAsync(from, { stream }), source.copyToAsync(to, { stream })];
    from.dispose();
    to.dispose();
    using other = allocateHost(3000); // may come to the same address only when the copies are done
    other.fill(5);
    await there;
    await expect(back).rejects.toThrow(/detached/);
    expectSameBits(tensor.toArray({ stream }), values);
    expect(other.every((x) => x === 5)).toBe(true);
  });
});

describe.runIf(hasGpu)('losses of pinned arrays on the GPU', () => {
  const options = { gamma: 5, alpha: 1, backend: 'cuda' } as const;

  /** What a call wrote to its own arrays. */
  const outputs = (length: number, queries: number) => ({
    grad: allocateHost(length),
    perQuery: allocateHost(queries),
  });

  it('give the same bits, contiguous, strided and ragged', () => {
    const batch = randomBatch({ seed: 7, queries: 6, docs: 50 });
    const offsets = Int32Array.of(0, 20, 20, 130, 300);
    const layouts: Batch[] = [
      batch,
      { ...batch, shape: [6, 40], rowStride: 50 },
      { ...batch, shape: undefined, offsets },
    ];
    for (const layout of layouts) {
      const expected = ckl(layout, options);
      const out = outputs(300, layout.offsets ? 4 : 6);
      out.grad.fill(9);
      const found = ckl({ ...pinnedBatch(layout), ...out }, options);
      expect(found.grad).toBe(out.grad);
      expect([found.loss, found.counted]).toEqual([expected.loss, expected.counted]);
      expectSameBits(found.perQuery.slice(), expected.perQuery);
      const gap = layout.rowStride === undefined ? 0 : 10;
      for (let at = 0; at < 300; at++)
        if (at % 50 < 50 - gap) expect(Object.is(found.grad[at], expected.grad[at])).toBe(true);
        else expect(found.grad[at]).toBe(9);
    }
  });

  it('mix with ordinary arrays, prepared and asynchronous', async () => {
    const batch = randomBatch({ seed: 8, queries: 4, docs: 700 });
    const expected = ckl(batch, options);
    const mixed = { ...batch, teacher: pinned(batch.teacher) };
    using prepared = prepareOnHost('ckl', { ...options, shape: [4, 700] });
    expectSameBits(prepared.run(mixed).grad, expected.grad);
    expectSameBits((await cklAsync(pinnedBatch(batch), options)).grad, expected.grad);
  });

  it('are as good a source of offsets for losses on device memory', () => {
    const batch = randomBatch({ seed: 9, queries: 2, docs: 10 });
    using loss = prepare('ckl', { shape: [2, 20] });
    const tensors = {
      student: DeviceTensor.from(batch.student),
      teacher: DeviceTensor.from(batch.teacher),
      labels: DeviceTensor.from(batch.labels),
    };
    const expected = loss.run({ ...tensors, offsets: Int32Array.of(0, 12, 20) }).grad.toArray();
    using offsets = allocateHost(3, 'int32');
    offsets.set([0, 12, 20]);
    const result = loss.run({ ...tensors, offsets });
    offsets.fill(0); // they were read
    expectSameBits(result.grad.toArray(), expected);
  });
});

describe.runIf(!hasGpu)('without a GPU', () => {
  it('allocateHost says why there is no pinned memory', () => {
    const error = errorOf(() => allocateHost(4));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.code).toBe('ERR_CKL_BACKEND');
    expect(error.message).toMatch(/^CUDA is not available: /);
  });
});
