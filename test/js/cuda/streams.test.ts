// Streams: order, waiting, handles of others, and their end.
import { describe, expect, it } from 'vitest';
import { DeviceTensor, devices, prepare, Stream } from '../../../lib/cuda/index';
import { errorOf, expectSameBits, randomBatch } from '../loss/helpers';
import { gpuCount, hasGpu, second, toDevice } from './helpers';

describe.runIf(hasGpu)('a stream', () => {
  it('tells when it is done', async () => {
    using stream = Stream.create();
    using tensor = DeviceTensor.from(new Float32Array(1000).fill(2), { stream });
    await stream.done();
    expect(stream.idle).toBe(true);
    expectSameBits(tensor.toArray({ stream }), new Float32Array(1000).fill(2));
    stream.synchronize();
  });

  it('comes to be idle while it is asked', async () => {
    using stream = Stream.create();
    using tensor = DeviceTensor.from(Float32Array.of(1), { stream });
    while (!stream.idle) await new Promise(setImmediate); // a stream that never is ends by the test's own limit
    expect(tensor.length).toBe(1);
  });

  it('waits for another', () => {
    using one = Stream.create();
    using other = Stream.create();
    using tensor = DeviceTensor.from(new Float32Array(100_000).fill(1), { stream: one });
    other.waitFor(one);
    expect(tensor.toArray({ stream: other }).every((x) => x === 1)).toBe(true);
  });

  it('may copy to the host while another has yet to copy from it', () => {
    using one = Stream.create();
    using other = Stream.create();
    using ready = DeviceTensor.from(new Float32Array(4).fill(7));
    ready.toArray();
    const arrays = [1, 2, 3].map((value) => new Float32Array(4).fill(value));
    const tensors = arrays.map((array) => DeviceTensor.from(array, { stream: one }));
    expectSameBits(ready.toArray({ stream: other }), new Float32Array(4).fill(7));
    for (const [k, tensor] of tensors.entries()) expectSameBits(tensor.toArray({ stream: one }), arrays[k]);
  });

  it('of someone else is used by its handle, and left alone', () => {
    using owner = Stream.create();
    const same = Stream.from(owner.handle);
    expect(same.handle).toBe(owner.handle);
    using tensor = DeviceTensor.from(Float32Array.of(3), { stream: same });
    same.dispose();
    expect(errorOf(() => same.handle).code).toBe('ERR_CKL_DISPOSED');
    expectSameBits(tensor.toArray({ stream: owner }), Float32Array.of(3));
  });

  it('of someone else has done its work when it was disposed', () => {
    using loss = prepare('kl', { shape: [2, 3] });
    const tensors = toDevice(randomBatch({ seed: 3, queries: 2, docs: 3 }));
    const expected = loss.run(tensors).read();
    const owner = Stream.create();
    const stream = Stream.from(owner.handle);
    const result = loss.run(tensors, { stream });
    stream.dispose();
    expect(owner.idle).toBe(true);
    expect(result.read()).toEqual(expected);
    owner.dispose();
    expect(loss.run(tensors).read()).toEqual(expected); // the stream that it ran on before is gone
  });

  it('that an array names is waited for, wherever the loss runs', () => {
    using first = prepare('kl', { shape: [2, 3] });
    using loss = prepare('kl', { shape: [2, 3] });
    const batch = randomBatch({ seed: 4, queries: 2, docs: 3 });
    const tensors = toDevice(batch);
    const expected = first.run(tensors).read();
    using writer = Stream.create();
    using other = Stream.create();
    const student = DeviceTensor.allocate([2, 3]);
    const shown = {
      __cuda_array_interface__: { ...student.__cuda_array_interface__, stream: writer.handle },
    };
    const written = () => student.copyFrom(batch.student, { stream: writer });
    written();
    expect(loss.run({ ...tensors, student: shown }, { stream: other }).read()).toEqual(expected);
    student.clear().toArray();
    written();
    using graph = loss.capture({ ...tensors, student: shown });
    expect(graph.launch({ stream: other }).read()).toEqual(expected);
  });

  it('0 is CUDA’s default stream', () => {
    const stream = Stream.from(0n);
    using tensor = DeviceTensor.from(Float32Array.of(4), { stream });
    expectSameBits(tensor.toArray({ stream }), Float32Array.of(4));
    stream.synchronize();
    expect(stream.idle).toBe(true);
  });

  it('that was disposed is refused', () => {
    const stream = Stream.create();
    stream.dispose();
    stream.dispose();
    expect(errorOf(() => stream.synchronize()).code).toBe('ERR_CKL_DISPOSED');
    using tensor = DeviceTensor.allocate(1);
    expect(errorOf(() => tensor.clear({ stream })).message).toBe('stream was disposed; make another');
  });

  it('that is none is refused', () => {
    using tensor = DeviceTensor.allocate(1);
    const error = errorOf(() => tensor.clear({ stream: 7 as unknown as Stream }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^stream is 7; it must be a Stream/);
    for (const handle of [-1n, 2n ** 60n, 5]) {
      expect(errorOf(() => Stream.from(handle as bigint)).code).toBe('ERR_CKL_TYPE');
    }
  });

  it('of a device is made anew after its end', () => {
    const device = devices()[second];
    const ended = device.stream;
    ended.dispose();
    expect(device.stream).not.toBe(ended);
    using tensor = DeviceTensor.from(Float32Array.of(5), { device });
    expectSameBits(tensor.toArray(), Float32Array.of(5));
  });

  it('is named in options, and nothing that is misspelled is passed over', () => {
    using stream = Stream.create();
    using tensor = DeviceTensor.allocate(1);
    const calls: ((options: never) => unknown)[] = [
      (options) => DeviceTensor.allocate(1, 'float32', options),
      (options) => DeviceTensor.from(Float32Array.of(1), options),
      (options) => DeviceTensor.view(tensor.pointer, 1, 'float32', options),
      (options) => DeviceTensor.fromInterface(tensor, options),
      (options) => tensor.copyFrom(Float32Array.of(1), options),
      (options) => tensor.copyTo(new Float32Array(1), options),
      (options) => tensor.clear(options),
      (options) => Stream.create(options),
      (options) => Stream.from(0n, options),
    ];
    for (const call of calls) {
      for (const wrong of [stream, { straem: stream }, null, 1]) {
        expect(errorOf(() => call(wrong as never)).code).toBe('ERR_CKL_OPTION');
      }
    }
    expect(errorOf(() => tensor.clear(stream as never)).message).toBe(
      'options is a Stream; it must be { stream }',
    );
    expect(errorOf(() => tensor.clear({ straem: stream } as never)).message).toBe(
      'clear takes no option straem (did you mean "stream"?); it takes stream',
    );
  });

  it('belongs to the first device unless told otherwise', () => {
    expect(devices()[0].stream.device).toBe(devices()[0]);
    expect(devices()[0].stream).toBe(devices()[0].stream);
    if (gpuCount > 1) {
      using stream = Stream.create({ device: 1 });
      expect(stream.device.index).toBe(1);
      using here = Stream.create();
      expect(errorOf(() => here.waitFor(stream)).code).toBe('ERR_CKL_DEVICE');
      const both = { stream: here, device: 1 };
      expect(errorOf(() => DeviceTensor.from(Float32Array.of(1), both)).code).toBe('ERR_CKL_DEVICE');
    }
    for (const device of [-1, 99, 0.5, 'length', '0', null]) {
      expect(errorOf(() => Stream.create({ device: device as number })).code).toBe('ERR_CKL_DEVICE');
    }
  });
});

describe.runIf(!hasGpu)('without a GPU', () => {
  it('every way in says why there is none', () => {
    for (const action of [() => devices(), () => Stream.create(), () => DeviceTensor.allocate(1)]) {
      const error = errorOf(action);
      expect(error).toBeInstanceOf(RangeError);
      expect(error.code).toBe('ERR_CKL_BACKEND');
      expect(error.message).toMatch(
        /^CUDA is not available: .+ `npx ckl-loss doctor` shows what is missing$/,
      );
    }
  });
});
