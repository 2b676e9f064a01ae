// Batches on a GPU that act, change or lie while they are read: each property is read once, then everything is checked, then it is used.
import { describe, expect, it } from 'vitest';
import {
  type CudaArray,
  type DeviceBatch,
  DeviceTensor,
  devices,
  prepare,
  Stream,
} from '../../../lib/cuda/index';
import { errorOf } from '../loss/helpers';
import { hasGpu, toDevice } from './helpers';

const batch = {
  student: Float32Array.from({ length: 24 }, (_, i) => ((i * 7) % 5) / 2),
  teacher: Float32Array.from({ length: 24 }, (_, i) => ((i * 3) % 7) / 3),
  labels: Uint8Array.from({ length: 24 }, (_, i) => (i % 8 === 1 ? 1 : 0)),
  shape: [3, 8] as const,
};
const names = ['student', 'teacher', 'labels', 'weights', 'grad'] as const;
const whole = (): DeviceBatch => ({
  ...toDevice(batch),
  weights: DeviceTensor.from(Float32Array.of(1, 2, 3)),
  grad: DeviceTensor.allocate(24),
});

describe.runIf(hasGpu)('a batch in device memory', () => {
  it('is read once, each property', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = whole();
    const expected = loss.run(tensors).read();
    const reads = new Map<PropertyKey, number>();
    const watched = new Proxy(tensors, {
      get(on, name) {
        reads.set(name, (reads.get(name) ?? 0) + 1);
        return Reflect.get(on, name) as unknown;
      },
    });
    expect(loss.run(watched).read()).toEqual(expected);
    expect([...reads].filter(([, times]) => times !== 1)).toEqual([]);
    for (const name of names) expect(reads.get(name)).toBe(1);
  });

  it.each(names)('whose getter disposes of %s after it was read is refused', (name) => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = whole();
    const acting = {
      ...tensors,
      get teacherGrad() {
        (tensors[name] as DeviceTensor).dispose();
        return undefined;
      },
    };
    const error = errorOf(() => loss.run(acting));
    expect(error.code).toBe('ERR_CKL_DISPOSED');
    expect(error.message).toMatch(new RegExp(`^${name} was disposed`));
    expect(loss.run(whole()).read().counted).toBe(3);
  });

  it('whose getter disposes of the loss is refused, run or captured', () => {
    for (const call of ['run', 'capture'] as const) {
      const loss = prepare('ckl', { shape: [3, 8] });
      const acting = {
        ...whole(),
        get teacherGrad() {
          loss.dispose();
          return undefined;
        },
      };
      expect(errorOf(() => loss[call](acting)).code).toBe('ERR_CKL_DISPOSED');
    }
  });

  it('whose getter disposes of the stream is refused', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const stream = Stream.create();
    const acting = {
      ...whole(),
      get teacherGrad() {
        stream.dispose();
        return undefined;
      },
    };
    expect(errorOf(() => loss.run(acting, { stream })).code).toBe('ERR_CKL_DISPOSED');
  });

  it('whose getter runs the same loss gets its own result', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = whole();
    const expected = loss.run(tensors).read();
    const other = { ...toDevice({ ...batch, shape: [2, 8] }), shape: [2, 8] as const };
    const acting = {
      ...tensors,
      get teacherGrad() {
        expect(loss.run(other).read().counted).toBe(2);
        return undefined;
      },
    };
    expect(loss.run(acting).read()).toEqual(expected);
  });

  it('whose array interface acts when it is read is checked afterwards', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = whole();
    const labels = tensors.labels as DeviceTensor;
    const acting: CudaArray = {
      get __cuda_array_interface__() {
        (tensors.student as DeviceTensor).dispose();
        return labels.__cuda_array_interface__;
      },
    };
    expect(errorOf(() => loss.run({ ...tensors, labels: acting })).message).toMatch(/^student was disposed/);
  });

  it('whose array interface changes its lists is taken as first read', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = whole();
    const expected = loss.run(tensors).read();
    const shown = (tensors.student as DeviceTensor).__cuda_array_interface__;
    let reads = 0;
    const shape = new Proxy([3, 8], {
      get(on, name) {
        if (name === '1') reads++;
        return name === '1' && reads > 1 ? 2 ** 40 : (Reflect.get(on, name) as unknown);
      },
    });
    const student: CudaArray = { __cuda_array_interface__: { ...shown, shape } };
    expect(loss.run({ ...tensors, student }).read()).toEqual(expected);
    expect(reads).toBe(1);
  });

  it.each(names)('with an object of the prototype of tensors, or a proxy, as %s is refused', (name) => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = whole();
    const proxy = new Proxy(tensors[name] as DeviceTensor, {});
    for (const foreign of [Object.create(DeviceTensor.prototype) as DeviceTensor, proxy]) {
      const error = errorOf(() => loss.run({ ...tensors, [name]: foreign }));
      expect(error.code).toMatch(/^ERR_CKL_/);
      expect(error).toBeInstanceOf(TypeError);
    }
    expect(loss.run(tensors).read().counted).toBe(3);
  });

  it('with offsets that lie about their length has the lists of their memory', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = { ...toDevice(batch), shape: undefined };
    const expected = loss.run({ ...tensors, offsets: Int32Array.of(0, 8, 16) }).read();
    const offsets = Int32Array.of(0, 8, 16);
    Object.defineProperty(offsets, 'length', { value: 1e9 });
    expect(loss.run({ ...tensors, offsets }).read()).toEqual(expected);
  });
});

describe.runIf(hasGpu)('what was made here cannot be changed into something else:', () => {
  it('a tensor', () => {
    using tensor = DeviceTensor.allocate([3, 8]);
    for (const name of [
      'length',
      'dtype',
      'device',
      'shape',
      'address',
      'disposed',
      'readOnly',
      'byteLength',
    ])
      expect(() => Object.defineProperty(tensor, name, { value: 1e6 })).toThrow(TypeError);
    expect(() => (tensor.shape as number[]).push(9)).toThrow(TypeError);
    expect(tensor.length).toBe(24);
  });

  it('the shape that a loss was prepared for', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    expect(() => ((loss.shape as unknown as number[])[1] = 1e6)).toThrow(TypeError);
  });
});

describe.runIf(hasGpu)('in place of', () => {
  const foreign = (of: { prototype: object }) => Object.create(of.prototype) as never;

  it('a stream, an object of its prototype is refused', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    for (const stream of [foreign(Stream), new Proxy(devices()[0].stream, {})])
      expect(errorOf(() => loss.run(whole(), { stream })).code).toBe('ERR_CKL_TYPE');
  });

  it('a device, an object of its prototype is refused', () => {
    const Device = devices()[0].constructor as unknown as { prototype: object };
    for (const device of [foreign(Device), new Proxy(devices()[0], {})])
      expect(errorOf(() => DeviceTensor.allocate(3, 'float32', { device })).code).toBe('ERR_CKL_DEVICE');
  });

  it('an array of the host, what only looks like one is refused', () => {
    for (const array of [Object.create(Float32Array.prototype) as Float32Array, { length: 3, 0: 1 } as never])
      expect(errorOf(() => DeviceTensor.from(array)).code).toBe('ERR_CKL_TYPE');
    const lying = Float32Array.of(1, 2, 3);
    Object.defineProperty(lying, 'length', { value: 1e6 });
    using tensor = DeviceTensor.from(lying);
    expect(tensor.length).toBe(3);
  });

  it('a shape, one that changes is taken as first read', () => {
    let reads = 0;
    const shape = new Proxy([4], {
      get: (on, name) => (name === '0' ? (reads++ === 0 ? 4 : 2 ** 50) : (Reflect.get(on, name) as unknown)),
    });
    using tensor = DeviceTensor.allocate(shape);
    expect([tensor.length, reads]).toEqual([4, 1]);
  });
});
