// Views of memory that someone else owns, by pointer and by the CUDA array interface, and what is refused.
import { describe, expect, it } from 'vitest';
import { type CudaArray, DeviceTensor, Stream } from '../../../lib/cuda/index';
import { errorOf, expectSameBits } from '../loss/helpers';
import { hasGpu } from './helpers';

describe.runIf(hasGpu)('memory of someone else', () => {
  it('is seen by its pointer, and not freed', () => {
    using owner = DeviceTensor.from(Float32Array.of(1, 2, 3, 4));
    const view = DeviceTensor.view(owner.pointer + 4n, 3, 'float32', { owner });
    expect(view.device).toBe(owner.device);
    expectSameBits(view.toArray(), Float32Array.of(2, 3, 4));
    view.dispose();
    expectSameBits(owner.toArray(), Float32Array.of(1, 2, 3, 4));
  });

  it('that is shown as read-only is read, and never written', () => {
    using owner = DeviceTensor.from(Float32Array.of(1, 2));
    const { data, ...rest } = owner.__cuda_array_interface__;
    const shown = { __cuda_array_interface__: { ...rest, data: [data[0], true] as const } };
    const view = DeviceTensor.fromInterface(shown);
    expect(view.readOnly).toBe(true);
    expect(view.__cuda_array_interface__.data).toEqual([owner.pointer, true]);
    expect(DeviceTensor.view(owner.pointer, 2, 'float32').readOnly).toBe(false);
    const part = view.subtensor(1);
    expectSameBits(part.toArray(), Float32Array.of(2));
    expect(errorOf(() => part.clear()).code).toBe('ERR_CKL_TYPE');
    expect(errorOf(() => view.copyFrom(new Float32Array(2))).message).toMatch(/^this tensor is read-only/);
    expectSameBits(owner.toArray(), Float32Array.of(1, 2));
  });

  it('that is no memory of a GPU is refused', () => {
    const error = errorOf(() => DeviceTensor.view(0x1000n, 4, 'float32'));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.code).toBe('ERR_CKL_DEVICE');
    expect(error.message).toMatch(
      /^pointer is 0x1000, no memory that CUDA knows; it must be memory of a GPU/,
    );
  });

  it('at an odd address is refused', () => {
    using owner = DeviceTensor.allocate(4);
    expect(errorOf(() => DeviceTensor.view(owner.pointer + 2n, 1, 'float32')).message).toMatch(
      /float32 needs a multiple of 4$/,
    );
    expect(errorOf(() => DeviceTensor.view(4 as unknown as bigint, 1, 'float32')).code).toBe('ERR_CKL_TYPE');
    expect(errorOf(() => DeviceTensor.view(-4n, 1, 'float32')).code).toBe('ERR_CKL_TYPE');
  });

  it('is seen through the CUDA array interface, both ways', () => {
    using owner = DeviceTensor.from(Float32Array.of(1, 2, 3, 4), { shape: [2, 2] });
    const shown = owner.__cuda_array_interface__;
    expect(shown).toEqual({
      shape: [2, 2],
      typestr: '<f4',
      data: [owner.pointer, false],
      version: 3,
      strides: null,
      stream: null,
    });
    const view = DeviceTensor.fromInterface({ __cuda_array_interface__: shown });
    expect(view.shape).toEqual([2, 2]);
    expectSameBits(view.toArray(), Float32Array.of(1, 2, 3, 4));
  });

  it('of bfloat16 is named by an option; bool labels are bytes', () => {
    using owner = DeviceTensor.from(Uint16Array.of(1, 2), { dtype: 'bfloat16' });
    const shown = { ...owner.__cuda_array_interface__, typestr: '<u2' };
    expect(DeviceTensor.fromInterface({ __cuda_array_interface__: shown }, { dtype: 'bfloat16' }).dtype).toBe(
      'bfloat16',
    );
    using labels = DeviceTensor.from(Uint8Array.of(1, 0));
    const flags = { ...labels.__cuda_array_interface__, typestr: '|b1' };
    expect(DeviceTensor.fromInterface({ __cuda_array_interface__: flags }).dtype).toBe('uint8');
  });

  it('shown with a stream is waited for', () => {
    using stream = Stream.create();
    using owner = DeviceTensor.from(Float32Array.of(5), { stream });
    owner.copyFrom(Float32Array.of(6), { stream });
    const view = DeviceTensor.fromInterface({
      __cuda_array_interface__: { ...owner.__cuda_array_interface__, stream: stream.handle },
    });
    expectSameBits(view.toArray(), Float32Array.of(6));
  });

  const good = () => DeviceTensor.allocate([2, 3]).__cuda_array_interface__;
  it.each([
    ['strides of a transposed array', { strides: [4, 8] }, /strides is \[4, 8\]/],
    ['an unknown element type', { typestr: '<c8' }, /typestr is '<c8'/],
    ['no shape', { shape: undefined }, /\.shape is undefined/],
    ['no data', { data: undefined }, /\.data is undefined/],
    ['a stream that is none', { stream: 'x' }, /\.stream is 'x'/],
  ])('with %s is refused', (_, change, message) => {
    const array = { __cuda_array_interface__: { ...good(), ...change } } as unknown as CudaArray;
    expect(errorOf(() => DeviceTensor.fromInterface(array)).message).toMatch(message);
  });

  it('with an option that contradicts the interface is refused', () => {
    using owner = DeviceTensor.allocate(4);
    expect(errorOf(() => DeviceTensor.fromInterface(owner, { dtype: 'float16' })).message).toMatch(
      /2 bytes an element for float16/,
    );
    expect(errorOf(() => DeviceTensor.fromInterface({} as CudaArray)).code).toBe('ERR_CKL_TYPE');
  });
});
