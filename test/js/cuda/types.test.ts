// The types that callers of ckl-loss/cuda rely on; checked by the compiler.
import { describe, expectTypeOf, it } from 'vitest';
import { type DeviceLoss, DeviceTensor, prepare } from '../../../lib/cuda/index';

describe('types', () => {
  it('a tensor knows its elements', () => {
    const floats = () => DeviceTensor.from(new Float32Array(2));
    const bytes = () => DeviceTensor.from(new Uint8Array(2));
    const bits = () => DeviceTensor.from(new Uint16Array(2), { dtype: 'bfloat16' });
    const labels = () => DeviceTensor.allocate(2, 'uint8');
    const matrix = () => DeviceTensor.allocate([2, 3]).toArray();
    const later = () => bits().toArrayAsync();
    expectTypeOf(floats).returns.toEqualTypeOf<DeviceTensor<'float32'>>();
    expectTypeOf(bytes).returns.toEqualTypeOf<DeviceTensor<'uint8'>>();
    expectTypeOf(bits).returns.toEqualTypeOf<DeviceTensor<'bfloat16'>>();
    expectTypeOf(labels).returns.toEqualTypeOf<DeviceTensor<'uint8'>>();
    expectTypeOf(matrix).returns.toEqualTypeOf<Float32Array>();
    expectTypeOf(later).returns.toEqualTypeOf<Promise<Uint16Array>>();
  });

  it('a loss takes its own parameters, and its value follows the reduction', () => {
    const each = () => prepare('ckl', { gamma: 5, shape: [2, 2], reduction: 'none' });
    expectTypeOf(each).returns.toEqualTypeOf<DeviceLoss<'none'>>();
    type Value = ReturnType<ReturnType<ReturnType<typeof each>['run']>['read']>;
    expectTypeOf<Value['loss']>().toEqualTypeOf<Float32Array>();
    // @ts-expect-error kl has no gamma
    const wrong = () => prepare('kl', { gamma: 5, shape: [2, 2] });
    // @ts-expect-error a loss on device memory has no threads
    const threads = () => prepare('kl', { threads: 2, shape: [2, 2] });
    expectTypeOf(wrong).returns.not.toBeNever();
    expectTypeOf(threads).returns.not.toBeNever();
  });
});
