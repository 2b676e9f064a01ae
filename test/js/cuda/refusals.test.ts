// What a loss on device memory refuses: each error names the argument and the value, and the next run works.
import { describe, expect, it, vi } from 'vitest';
import { type DeviceBatch, DeviceTensor, prepare } from '../../../lib/cuda/index';
import type { CudaError } from '../../../lib/index';
import { NativeStatus, Scalar } from '../../../lib/native/codes';
import { newScalars } from '../../../lib/loss/run';
import { statusError } from '../../../lib/native/status';
import { errorOf, randomBatch } from '../loss/helpers';
import { gpuCount, hasGpu, toDevice } from './helpers';

const batch = randomBatch({ seed: 61, queries: 3, docs: 8 });
const bytes = (n: number) => DeviceTensor.allocate(n, 'uint8');

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Change = (tensors: DeviceBatch) => any;

const cases: [name: string, change: Change, code: string, message: RegExp][] = [
  ['no teacher', () => ({ teacher: undefined }), 'ERR_CKL_TYPE', /^teacher is missing; ckl reads it/],
  [
    'a host array',
    () => ({ student: batch.student }),
    'ERR_CKL_DEVICE',
    /^student is .*host memory; copy it with DeviceTensor\.from\(student\)/,
  ],
  ['a bare pointer', () => ({ labels: 4096n }), 'ERR_CKL_TYPE', /^labels is 4096.*DeviceTensor\.view/],
  ['a plain list', () => ({ teacher: [1, 2] }), 'ERR_CKL_TYPE', /^teacher is .*must be a DeviceTensor/],
  [
    'labels of floats',
    (b) => ({ labels: b.student }),
    'ERR_CKL_TYPE',
    /^labels holds float32; it must hold uint8/,
  ],
  [
    'scores of bytes',
    () => ({ student: bytes(24) }),
    'ERR_CKL_TYPE',
    /^student holds uint8; it must hold float32 or bfloat16 or float16/,
  ],
  [
    'too few labels',
    () => ({ labels: bytes(23) }),
    'ERR_CKL_SHAPE',
    /^labels has 23 elements; the batch needs at least 24/,
  ],
  [
    'too few weights',
    () => ({ weights: DeviceTensor.allocate(2) }),
    'ERR_CKL_SHAPE',
    /^weights has 2 elements; the batch needs at least 3/,
  ],
  ['a short gradient', () => ({ grad: DeviceTensor.allocate(20) }), 'ERR_CKL_SHAPE', /^grad has 20 elements/],
  [
    'a gradient over the teacher',
    (b) => ({ grad: b.teacher }),
    'ERR_CKL_OVERLAP',
    /^grad and teacher share memory/,
  ],
  [
    'a gradient that overlaps the student in part',
    (b) => ({
      grad: (b.student as DeviceTensor).subtensor(1),
      student: (b.student as DeviceTensor).subtensor(0, 23),
      shape: [2, 8],
    }),
    'ERR_CKL_OVERLAP',
    /^grad and student share memory/,
  ],
  [
    'two outputs in one place',
    () => {
      const out = DeviceTensor.allocate(24);
      return { grad: out, perQuery: out };
    },
    'ERR_CKL_OVERLAP',
    /share memory/,
  ],
  ['a shape that is none', () => ({ shape: [3] }), 'ERR_CKL_SHAPE', /^shape is /],
  ['a row stride below the documents', () => ({ rowStride: 7 }), 'ERR_CKL_SHAPE', /^rowStride is 7/],
  ['more than was prepared', () => ({ shape: [4, 8] }), 'ERR_CKL_SHAPE', /prepared for \[3, 8\]/],
  ['two layouts', () => ({ offsets: Int32Array.of(0, 8) }), 'ERR_CKL_SHAPE', /^both offsets and shape/],
  [
    'offsets past the end',
    () => ({ shape: undefined, offsets: Int32Array.of(20, 25) }),
    'ERR_CKL_SHAPE',
    /^student has 24 elements; the batch needs at least 25/,
  ],
  [
    'descending offsets',
    () => ({ shape: undefined, offsets: Int32Array.of(0, 8, 4) }),
    'ERR_CKL_OFFSETS',
    /^offsets\[2\] is 4/,
  ],
  ['a name that no batch has', () => ({ rank: undefined }), 'ERR_CKL_TYPE', /^batch\.rank is unknown.*ranks/],
  [
    'teacherGrad of another type',
    () => ({ teacherGrad: DeviceTensor.allocate(24, 'float16') }),
    'ERR_CKL_TYPE',
    /^teacherGrad holds float16/,
  ],
];

describe.runIf(hasGpu)('a run refuses', () => {
  it.each(cases)('%s', (_, change, code, message) => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = toDevice(batch);
    const expected = loss.run(tensors).read();
    const error = errorOf(() => loss.run({ ...tensors, ...change(tensors) }));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(loss.run(tensors).read()).toEqual(expected);
  });

  it('an output that has grown into another, and what it has refused before', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = { ...toDevice(batch), shape: [3, 8] as const };
    using memory = DeviceTensor.allocate(60);
    const perQuery = memory.subtensor(24, 27);
    const good = { ...tensors, grad: memory.subtensor(0, 24), perQuery };
    loss.run(good);
    loss.run(good);
    const bad = { ...tensors, grad: memory.subtensor(0, 25), perQuery };
    for (let k = 0; k < 3; k++) expect(errorOf(() => loss.run(bad)).code).toBe('ERR_CKL_OVERLAP');
    loss.run(good);
  });

  it('an output that is read-only', () => {
    using loss = prepare('kl', { shape: [3, 8] });
    using memory = DeviceTensor.allocate(24);
    const grad = DeviceTensor.view(memory.pointer, 24, 'float32', { readOnly: true });
    expect(errorOf(() => loss.run({ ...toDevice(batch), grad })).message).toMatch(/^grad is read-only/);
  });

  it('a tensor that was disposed', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = toDevice(batch);
    (tensors.labels as DeviceTensor).dispose();
    expect(errorOf(() => loss.run(tensors)).message).toBe('labels was disposed; allocate another tensor');
  });

  it.runIf(gpuCount > 1)('a tensor of another device', () => {
    using loss = prepare('ckl', { shape: [3, 8] });
    const tensors = toDevice(batch);
    tensors.teacher = DeviceTensor.from(batch.teacher, { device: 1 });
    const error = errorOf(() => loss.run(tensors));
    expect(error.code).toBe('ERR_CKL_DEVICE');
    expect(error.message).toBe('teacher is on device 1; this ckl was prepared for device 0');
  });

  it('to read what a later run has overwritten', () => {
    using loss = prepare('kl', { shape: [3, 8] });
    const tensors = toDevice(batch);
    const first = loss.run(tensors);
    loss.run(tensors);
    expect(errorOf(() => first.read()).message).toMatch(
      /^a later run of this loss has overwritten this result/,
    );
  });

  it('to read what has failed once, and no rejection goes unheard', async () => {
    using loss = prepare('kl', { shape: [3, 8], reduction: 'none' });
    const result = loss.run(toDevice(batch));
    let failLater!: () => void;
    const later = new Promise<void>((resolve) => (failLater = resolve));
    const copies = vi.spyOn(DeviceTensor.prototype, 'toArrayAsync');
    copies.mockImplementation(function (this: DeviceTensor) {
      if (this === result.summary) return Promise.reject(new Error('failed 1'));
      return later.then(() => Promise.reject(new Error('failed 2')));
    });
    await expect(result.readAsync()).rejects.toThrow('failed 1');
    copies.mockRestore();
    failLater();
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('to run after dispose', () => {
    const loss = prepare('kl', { shape: [3, 8] });
    const tensors = toDevice(batch);
    const result = loss.run(tensors);
    loss.dispose();
    loss.dispose();
    expect(errorOf(() => loss.run(tensors)).code).toBe('ERR_CKL_DISPOSED');
    expect(errorOf(() => loss.capture(tensors)).code).toBe('ERR_CKL_DISPOSED');
    expect(errorOf(() => result.read()).code).toBe('ERR_CKL_DISPOSED');
  });
});

describe.runIf(hasGpu)('prepare refuses', () => {
  it.each([
    [{}, 'ERR_CKL_SHAPE'],
    [{ shape: [3, 8], backend: 'cuda' }, 'ERR_CKL_OPTION'],
    [{ shape: [3, 8], threads: 2 }, 'ERR_CKL_OPTION'],
    [{ shape: [3, 8], gama: 5 }, 'ERR_CKL_OPTION'],
    [{ shape: [3, 8], gamma: 0.5 }, 'ERR_CKL_OPTION'],
    [{ shape: [3, 8], check: 1 }, 'ERR_CKL_OPTION'],
    [{ shape: [3, 8], device: 99 }, 'ERR_CKL_DEVICE'],
    [null, 'ERR_CKL_OPTION'],
  ])('%j', (options, code) => {
    expect(errorOf(() => prepare('ckl', options as never)).code).toBe(code);
  });

  it('teacherGrad of a loss without a teacher', () => {
    expect(errorOf(() => prepare('nll', { shape: [3, 8], teacherGrad: true })).code).toBe('ERR_CKL_OPTION');
  });
});

describe.runIf(hasGpu)('with check, values are refused as on the host', () => {
  const floats = (value: number) => {
    const array = new Float32Array(24).fill(1);
    array[9] = value;
    return DeviceTensor.from(array);
  };
  it.each<[string, Change, string, RegExp]>([
    [
      'a label',
      () => ({ labels: DeviceTensor.from(Uint8Array.from(batch.labels).fill(7, 9, 10)) }),
      'ERR_CKL_LABEL',
      /^labels at query 1, document 1, is 7/,
    ],
    ['a rank', () => ({ ranks: floats(0.5) }), 'ERR_CKL_RANK', /^ranks at query 1, document 1, is 0.5/],
    ['a beta', () => ({ beta: floats(NaN) }), 'ERR_CKL_BETA', /^beta at query 1, document 1, is NaN/],
    [
      'a weight',
      () => ({ weights: DeviceTensor.from(Float32Array.of(1, -1, 1)) }),
      'ERR_CKL_WEIGHT',
      /^weights\[1\] is -1/,
    ],
    [
      'offsets',
      () => ({ shape: undefined, offsets: DeviceTensor.from(Int32Array.of(0, 8, 4)) }),
      'ERR_CKL_OFFSETS',
      /^offsets\[2\] is 4/,
    ],
    [
      'a list longer than prepared',
      () => ({ shape: undefined, offsets: DeviceTensor.from(Int32Array.of(0, 9)) }),
      'ERR_CKL_OFFSETS',
      /^offsets\[1\] is 9/,
    ],
  ])('%s', (_, change, code, message) => {
    using loss = prepare('ckl', { shape: [3, 8], check: true });
    const labels = Uint8Array.from(batch.labels);
    labels[9] = 0; // values are read for documents that count
    const tensors = toDevice({ ...batch, labels });
    const error = errorOf(() => loss.run({ ...tensors, ...change(tensors) }));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(loss.run(tensors).read().counted).toBe(3);
  });
});

describe.runIf(hasGpu)('what CUDA refuses', () => {
  const errorFor = (code: number) => {
    const scalars = newScalars();
    scalars[Scalar.value] = code;
    return statusError(NativeStatus.device, scalars) as CudaError;
  };

  it('is said in its words, with the way out', () => {
    const noMemory = errorFor(2);
    expect(noMemory.cudaName).toBe('cudaErrorMemoryAllocation');
    expect(noMemory.message).toMatch(/^cudaErrorMemoryAllocation: .+ do not fit .+ smaller batches$/);
    const fault = errorFor(719);
    expect(fault.cudaName).toBe('cudaErrorLaunchFailure');
    expect(fault.message).toMatch(/the CPU still works/);
  });
});
