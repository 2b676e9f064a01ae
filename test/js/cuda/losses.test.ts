// Losses on device memory give the bits of backend 'cuda' on arrays of the host, for every layout, type and option.
import { describe, expect, it } from 'vitest';
import { type Batch, type LossResult, prepare as prepareHost } from '../../../lib/index';
import { type DeviceLossResult, DeviceTensor, prepare, Stream } from '../../../lib/cuda/index';
import {
  expectClose,
  expectSameBits,
  lossNames,
  lossOf,
  randomBatch,
  toBfloat16,
  toFloat16,
} from '../loss/helpers';
import { hasGpu, second, toDevice } from './helpers';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Options = any;

/** Everything of a result on the device against one of the host. */
function expectSame(actual: DeviceLossResult, expected: LossResult): void {
  const { loss, counted } = actual.read();
  if (typeof expected.loss === 'number') expect(loss).toBe(expected.loss);
  else expectSameBits(loss as unknown as Float32Array, expected.loss, 'loss');
  expect(counted).toBe(expected.counted);
  const { stream } = actual;
  expectSameBits(actual.grad.toArray({ stream }), expected.grad as Float32Array, 'grad');
  expectSameBits(actual.perQuery.toArray({ stream }), expected.perQuery, 'perQuery');
  expect(actual.teacherGrad === undefined).toBe(expected.teacherGrad === undefined);
  if (expected.teacherGrad) {
    expectSameBits(
      actual.teacherGrad!.toArray({ stream }),
      expected.teacherGrad as Float32Array,
      'teacherGrad',
    );
  }
  expect(actual.diagnostics === undefined).toBe(expected.diagnostics === undefined);
  for (const [name, array] of Object.entries(expected.diagnostics ?? {})) {
    const tensor = actual.diagnostics![name as 'weight'];
    expectSameBits(tensor.toArray({ stream }), array as Float32Array, name);
  }
}

/** Runs both; the batch may be as large as 16 x 64. */
function compare(
  name: string,
  batch: Batch,
  options: Options = {},
  device: Parameters<typeof toDevice>[1] = {},
): void {
  const { dtype, ...rest } = options;
  using loss = prepare(name as 'kl', { ...rest, shape: [16, 64], device: device.device });
  const tensors = toDevice(batch, { dtype, ...device });
  const result = loss.run(tensors);
  // Elements between rows belong to no query: not compared.
  const expected = lossOf(name)(batch, { ...options, backend: 'cuda' });
  expectSame(result, expected);
}

describe.runIf(hasGpu)('a loss on device memory', () => {
  const batch = randomBatch({ seed: 71, queries: 5, docs: 13, padding: 10 });

  it.each(lossNames)('%s is that of the host’s arrays', (name) => {
    compare(name, batch);
  });

  it.each(['bfloat16', 'float16'] as const)('takes %s', (dtype) => {
    const convert = dtype === 'bfloat16' ? toBfloat16 : toFloat16;
    const halves = (a: Float32Array) => Uint16Array.from(a, convert);
    compare('ckl', { ...batch, student: halves(batch.student), teacher: halves(batch.teacher) }, { dtype });
    compare('kl', { ...batch, teacher: halves(batch.teacher) }, { dtype, teacherGrad: true });
  });

  it('takes ragged lists, their offsets on either side', () => {
    const offsets = Int32Array.of(0, 7, 7, 20, 50);
    const rest = { ...randomBatch({ seed: 72, queries: 1, docs: 50 }), shape: undefined };
    compare('ckl', { ...rest, offsets });
    compare('ckl', { ...rest, offsets }, {}, { deviceOffsets: true });
    compare('lambdaMrr', { ...rest, offsets }, {}, { deviceOffsets: true });
  });

  it('takes rows with gaps, and leaves the gaps alone', () => {
    const wide = randomBatch({ seed: 73, queries: 4, docs: 16 });
    const grad = new Float32Array(64).fill(7);
    const given = { ...wide, shape: [4, 11] as [number, number], rowStride: 16, grad };
    using loss = prepare('ckl', { shape: [4, 11] });
    const result = loss.run(toDevice(given));
    const expected = lossOf('ckl')({ ...given, grad: grad.slice() }, { backend: 'cuda' });
    expectSame(result, expected);
    expect(result.grad.toArray()[11]).toBe(7);
  });

  it.each([Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array])('takes ranks in %o', (Ranks) => {
    const ranks = new Ranks(65).map((_, i) => 1 + (i % 13));
    compare('ckl', { ...batch, ranks });
  });

  it('takes beta, relevance and weights', () => {
    const floats = (seed: number) => randomBatch({ seed, queries: 5, docs: 13, scale: 0.5 }).student;
    const weights = Float32Array.of(1, 0, 2, 0.5, 3);
    compare('ckl', { ...batch, beta: floats(1), weights }, { gamma: 9 });
    compare('lambdaMrr', { ...batch, relevance: floats(2), weights }, { pairMean: 'batch' });
  });

  it('takes every option', () => {
    compare('ckl', batch, {
      gamma: 2.3,
      alpha: 1.3,
      studentTemperature: 0.5,
      teacherTemperature: 2,
      gradScale: -3,
    });
    compare('ckl', batch, { diagnostics: true, teacherGrad: true });
    compare('bkl', batch, { lambda: 0.7, reduction: 'sum' });
    compare('klLogL', batch, { nllWeight: 0.3, reduction: 'none' });
  });

  it('takes weighted sums', () => {
    const terms = [
      { loss: 'kl' as const, weight: 0.99 },
      { loss: 'marginMse' as const, weight: 0.05 },
    ];
    using loss = prepare('combine', { terms, shape: [5, 13] });
    using host = prepareHost('combine', { terms, shape: [5, 13], backend: 'cuda' });
    expectSame(loss.run(toDevice(batch)), host.run(batch));
  });

  it.each(lossNames)('%s writes the gradient over the student where it is told to', (name) => {
    // More documents than a team has threads: some gradients are written before all scores have been used.
    const wide = randomBatch({ seed: 77, queries: 2, docs: 130, padding: 10 });
    using loss = prepare(name as 'ckl', { shape: [2, 130] });
    const tensors = toDevice(wide);
    const expected = loss.run(tensors).grad.toArray();
    const result = loss.run({ ...tensors, grad: tensors.student });
    expect(result.grad).toBe(tensors.student);
    expectSameBits(result.grad.toArray(), expected);
  });

  it('writes to what the batch brings', () => {
    using loss = prepare('kl', { shape: [5, 13], teacherGrad: true });
    const own = {
      grad: DeviceTensor.allocate(65, 'bfloat16'),
      perQuery: DeviceTensor.allocate(5),
      teacherGrad: DeviceTensor.allocate(65),
    };
    const result = loss.run({ ...toDevice(batch), ...own });
    expect(result.grad).toBe(own.grad);
    expect(result.perQuery).toBe(own.perQuery);
    expect(result.teacherGrad).toBe(own.teacherGrad);
    const grad = new Uint16Array(65);
    const expected = lossOf('kl')(
      { ...batch, grad },
      { backend: 'cuda', dtype: 'bfloat16', teacherGrad: true },
    );
    expectSame(result, expected);
  });

  it('takes the student’s own shape, or the prepared one', () => {
    using loss = prepare('kl', { shape: [5, 13] });
    const flat = { ...toDevice(batch), shape: undefined };
    const first = loss.run(flat).grad.toArray();
    const student = DeviceTensor.from(batch.student, { shape: [5, 13] });
    const second = loss.run({ ...flat, student });
    expect(second.grad.shape).toEqual([5, 13]);
    expectSameBits(second.grad.toArray(), first);
  });

  it('takes what shows itself by the CUDA array interface', () => {
    using loss = prepare('kl', { shape: [5, 13] });
    const tensors = toDevice(batch);
    const expected = loss.run(tensors).grad.toArray();
    const shown = (tensor: unknown) => ({
      __cuda_array_interface__: (tensor as DeviceTensor).__cuda_array_interface__,
    });
    const result = loss.run({
      shape: [5, 13],
      student: shown(tensors.student),
      teacher: shown(tensors.teacher),
      labels: shown(tensors.labels),
    });
    expectSameBits(result.grad.toArray(), expected);
  });

  it('of no queries, and of rows without documents, is 0', () => {
    using loss = prepare('ckl', { shape: [4, 8] });
    const empty = toDevice({
      student: new Float32Array(0),
      teacher: new Float32Array(0),
      labels: new Uint8Array(0),
    });
    expect(loss.run({ ...empty, shape: [0, 8] }).read()).toEqual({ loss: 0, counted: 0 });
    expect(loss.run({ ...empty, shape: [4, 0] }).read()).toEqual({ loss: 0, counted: 0 });
  });

  it('runs where it was prepared', () => {
    compare('ckl', batch, {}, { device: second });
  });
});

describe.runIf(hasGpu)('a mean', () => {
  it.each(['kl', 'ckl', 'marginMse', 'lambdaMrr'] as const)(
    '%s divides by the queries that count, wherever their positives are',
    (name) => {
      // Lists of 0 to 79 documents; every fifth has no positive, every seventh nothing but padding.
      const lengths = Array.from({ length: 80 }, (_, k) => k);
      const offsets = Int32Array.from([0, ...lengths].map((_, k) => (k * (k - 1)) / 2));
      const { student, teacher } = randomBatch({ seed: 75, queries: 1, docs: offsets[80] });
      const labels = new Uint8Array(offsets[80]);
      for (const n of lengths) {
        const row = labels.subarray(offsets[n], offsets[n + 1]);
        if (n % 7 === 0) row.fill(255);
        else if (n % 5 !== 0) row[(n * 31) % n] = 1;
      }
      const batch = { student, teacher, labels, offsets };
      const sum = lossOf(name)(batch, { backend: 'cuda', reduction: 'sum' });
      const mean = lossOf(name)(batch, { backend: 'cuda' });
      const { counted } = lossOf(name)(batch, { backend: 'cpu' });
      expect(mean.counted).toBe(counted);
      expect(mean.loss).toBeCloseTo(sum.loss / counted, 12);
      const scaled = (sum.grad as Float32Array).map((g) => g / counted);
      expectClose(mean.grad as Float32Array, scaled, 1e-7, 'grad');
    },
  );
});

describe.runIf(hasGpu)('results', () => {
  const batch = randomBatch({ seed: 81, queries: 3, docs: 20 });

  it('of runs on different streams come in order', () => {
    using loss = prepare('ckl', { shape: [3, 20] });
    using one = Stream.create();
    using other = Stream.create();
    const tensors = toDevice(batch);
    tensors.student = DeviceTensor.from(batch.student, { stream: one });
    one.waitFor((tensors.teacher as DeviceTensor).device.stream);
    const first = loss.run(tensors, { stream: one }).read();
    // The scratch space is the same: the second run has to wait for the first.
    loss.run(tensors, { stream: one });
    expect(loss.run(tensors, { stream: other }).read()).toEqual(first);
  });

  it('resolve with the loss of their own run', async () => {
    using loss = prepare('kl', { shape: [3, 20], reduction: 'none' });
    const tensors = toDevice(batch);
    const before = loss.run(tensors).readAsync();
    (tensors.student as DeviceTensor).copyFrom(tensors.teacher as DeviceTensor);
    const after = loss.run(tensors).readAsync();
    const expected = lossOf('kl')(batch, { backend: 'cuda', reduction: 'none' });
    expectSameBits((await before).loss, expected.perQuery);
    expect((await before).counted).toBe(3);
    expect((await after).loss.every((x) => Math.abs(x) < 1e-6)).toBe(true);
  });

  it('can be disposed by who got them; the next run makes others', () => {
    using loss = prepare('kl', { shape: [3, 20], teacherGrad: true, diagnostics: true });
    const tensors = toDevice(batch);
    const first = loss.run(tensors);
    const grad = first.grad.toArray();
    for (const tensor of [
      first.grad,
      first.perQuery,
      first.teacherGrad!,
      first.diagnostics!.ratio,
      first.summary,
    ]) {
      tensor.dispose();
      const result = loss.run(tensors);
      expectSameBits(result.grad.toArray(), grad);
      expect(result.read().counted).toBe(3);
    }
  });

  it('are the same from run to run, and for any batch around a query', () => {
    using loss = prepare('ckl', { shape: [3, 20] });
    const tensors = toDevice(batch);
    const grad = loss.run(tensors).grad.toArray();
    for (let k = 0; k < 3; k++) expectSameBits(loss.run(tensors).grad.toArray(), grad);
    const sum = prepare('ckl', { shape: [3, 20], reduction: 'sum' });
    const all = sum.run(tensors).perQuery.toArray();
    const part = (tensor: unknown) => (tensor as DeviceTensor).subtensor(20, 40);
    const { student, teacher, labels } = tensors;
    const alone = sum.run({
      student: part(student),
      teacher: part(teacher),
      labels: part(labels),
      shape: [1, 20],
    });
    expectSameBits(alone.perQuery.toArray(), all.slice(1, 2));
  });
});
