// Tensors of a captured graph that are replaced: results are those of a fresh capture, and what does not fit changes nothing.
import { describe, expect, it } from 'vitest';
import { type DeviceBatch, type DeviceGraph, DeviceTensor, prepare, Stream } from '../../../lib/cuda/index';
import { DeviceScalar, NativeStatus, NativeType } from '../../../lib/native/codes';
import type { NativeDeviceGraph } from '../../../lib/native/native';
import { errorOf, expectSameBits, randomBatch } from '../loss/helpers';
import { gpuCount, hasGpu, toDevice } from './helpers';

const shape = [4, 24] as const;
const n = 96;
const first = randomBatch({ seed: 91, queries: 4, docs: 24 });
const second = randomBatch({ seed: 92, queries: 4, docs: 24 });

/** Everything that a launch writes. */
function written(graph: DeviceGraph) {
  const result = graph.launch();
  const { loss, counted } = result.read();
  const tensors = [
    result.grad,
    result.perQuery,
    result.teacherGrad,
    ...Object.values(result.diagnostics ?? {}),
  ];
  return { loss, counted, arrays: tensors.map((tensor) => tensor && (tensor as DeviceTensor).toArray()) };
}

/** Without layout, as replace takes them. */
function tensorsOf(batch: DeviceBatch): Omit<DeviceBatch, 'shape' | 'rowStride' | 'offsets'> {
  const tensors = { ...batch };
  delete tensors.shape;
  delete tensors.rowStride;
  delete tensors.offsets;
  return tensors;
}

describe.runIf(hasGpu)('a graph with other tensors', () => {
  const ranks = (seed: number) => Float32Array.from({ length: n }, (_, k) => 1 + ((k * 7 + seed) % 24));
  const relevance = (seed: number) => Float32Array.from({ length: n }, (_, k) => (k * seed) % 4);
  const weights = (seed: number) => Float32Array.of(1, 0.5, seed, 2);
  const diagnostics = true;
  const teacherGrad = true;

  it.each([
    ['ckl', { diagnostics, teacherGrad }, () => ({})],
    ['ckl', { alpha: 1 }, (seed: number) => ({ ranks: ranks(seed), weights: weights(seed) })],
    ['kl', { reduction: 'none' }, () => ({})],
    ['nll', {}, (seed: number) => ({ weights: weights(seed) })],
    ['marginMse', { teacherGrad }, () => ({})],
    ['lambdaMrr', {}, (seed: number) => ({ relevance: relevance(seed) })],
    ['listMle', {}, () => ({})],
    ['combine', { terms: [{ loss: 'kl' }, { loss: 'rankNet', weight: 0.5 }] }, () => ({})],
  ] as const)('%s %j gives what a fresh capture gives', (name, options, more) => {
    using loss = prepare(name as 'ckl', { ...(options as object), shape });
    const batches = [1, 3].map((seed, k) => toDevice({ ...[first, second][k], ...more(seed) }));
    const expected = batches.map((batch) => {
      using fresh = loss.capture(batch);
      return written(fresh);
    });
    expect(expected[0].arrays[0]).not.toEqual(expected[1].arrays[0]);
    using graph = loss.capture(batches[0]);
    for (const k of [0, 1, 0, 1]) {
      expect(graph.replace(tensorsOf(batches[k]))).toBe(graph);
      const found = written(graph);
      expect([found.loss, found.counted]).toEqual([expected[k].loss, expected[k].counted]);
      for (const [at, array] of expected[k].arrays.entries())
        if (array) expectSameBits(found.arrays[at]!, array);
    }
  });

  it('keeps those that are left out, and outlives the loss', () => {
    const loss = prepare('ckl', { shape });
    const [a, b] = [toDevice(first), toDevice(second)];
    const mixed = loss.run({ ...a, student: b.student }).grad.toArray();
    const graph = loss.capture(a);
    loss.dispose();
    expectSameBits(graph.replace({ student: b.student }).launch().grad.toArray(), mixed);
    expectSameBits(graph.replace({}).launch().grad.toArray(), mixed);
    graph.dispose();
    expect(errorOf(() => graph.replace({})).code).toBe('ERR_CKL_DISPOSED');
  });

  it('writes to other outputs, and leaves those before alone', () => {
    using loss = prepare('ckl', { shape });
    const [a, b] = [toDevice(first), toDevice(second)];
    using graph = loss.capture(a);
    const before = graph.launch();
    const kept = before.grad.toArray();
    const grad = DeviceTensor.allocate(shape);
    const perQuery = DeviceTensor.allocate(4);
    const result = graph.replace({ ...tensorsOf(b), grad, perQuery }).launch();
    expect([result.grad, result.perQuery]).toEqual([grad, perQuery]);
    const expected = loss.run(b);
    expectSameBits(grad.toArray(), expected.grad.toArray());
    expectSameBits(perQuery.toArray(), expected.perQuery.toArray());
    expectSameBits(before.grad.toArray(), kept);
  });

  it('leaves launches alone that are still to run', () => {
    using loss = prepare('ckl', { shape });
    const [a, b] = [toDevice(first), toDevice(second)];
    const grads = [DeviceTensor.allocate(shape), DeviceTensor.allocate(shape)];
    using stream = Stream.create();
    stream.waitFor((a.student as DeviceTensor).device.stream);
    using graph = loss.capture({ ...a, grad: grads[0] });
    graph.launch({ stream });
    graph.replace({ ...tensorsOf(b), grad: grads[1] }).launch({ stream });
    expectSameBits(grads[0].toArray({ stream }), loss.run(a).grad.toArray());
    expectSameBits(grads[1].toArray({ stream }), loss.run(b).grad.toArray());
  });

  it('takes parts of tensors, array interfaces with their streams, and unaligned memory', () => {
    using loss = prepare('ckl', { shape });
    const a = toDevice(first);
    const expected = loss.run({ ...a, student: toDevice(second).student }).grad.toArray();
    using graph = loss.capture(a);
    using large = DeviceTensor.allocate(2 * n);
    const part = large.subtensor(1, n + 1);
    part.copyFrom(second.student);
    expectSameBits(graph.replace({ student: part }).launch().grad.toArray(), expected);
    using writer = Stream.create();
    using other = Stream.create();
    const late = DeviceTensor.allocate(shape);
    late.copyFrom(second.student, { stream: writer });
    const shown = { __cuda_array_interface__: { ...late.__cuda_array_interface__, stream: writer.handle } };
    const result = graph.replace({ student: shown }).launch({ stream: other });
    expectSameBits(result.grad.toArray({ stream: other }), expected);
  });

  it('works in place if it did before, and only then', () => {
    using loss = prepare('lambdaMrr', { shape });
    const [a, b] = [toDevice(first), toDevice(second)];
    const expected = loss.run(b).grad.toArray();
    using apart = loss.capture(a);
    const error = errorOf(() => apart.replace({ grad: a.student }));
    expect(error.code).toBe('ERR_CKL_OVERLAP');
    expect(error.message).toMatch(/^grad is the student itself, which it was not/);
    using graph = loss.capture({ ...a, grad: a.student });
    const half = errorOf(() => graph.replace({ student: b.student }));
    expect(half.message).toBe(
      'grad was the student itself when this graph was captured; replace both by one tensor',
    );
    expectSameBits(
      graph
        .replace({ ...tensorsOf(b), grad: b.student })
        .launch()
        .grad.toArray(),
      expected,
    );
  });

  it('takes other offsets in device memory; those of host memory were copied', () => {
    const ragged = { ...first, shape: undefined, offsets: Int32Array.of(0, 20, 60, 96) };
    const others = Int32Array.of(0, 40, 41, 96);
    using loss = prepare('ckl', { shape: [3, 64] });
    const onDevice = toDevice(ragged, { deviceOffsets: true });
    const onHost = toDevice(ragged);
    const moved = toDevice({ ...second, shape: undefined, offsets: others }, { deviceOffsets: true });
    const expected = [
      loss.run(moved).grad.toArray(),
      loss.run({ ...moved, offsets: ragged.offsets }).grad.toArray(),
    ];
    using graph = loss.capture(onDevice);
    const rest = tensorsOf(moved);
    const given = { ...rest, offsets: moved.offsets as DeviceTensor };
    expectSameBits(graph.replace(given).launch().grad.toArray(), expected[0]);
    using copied = loss.capture(onHost);
    expectSameBits(copied.replace(rest).launch().grad.toArray(), expected[1]);
    expect(errorOf(() => copied.replace(given)).message).toMatch(
      /^offsets is given, and this graph was captured/,
    );
    const host = errorOf(() => graph.replace({ offsets: others as never }));
    expect(host.message).toBe('offsets is in host memory; copy it with DeviceTensor.from(offsets)');
  });

  it('refuses what does not fit, and computes what it did', () => {
    using loss = prepare('ckl', { shape });
    const a = toDevice(first);
    using graph = loss.capture(a);
    const expected = written(graph);
    const disposed = DeviceTensor.allocate(n);
    disposed.dispose();
    const memory = DeviceTensor.allocate(2 * n);
    const readOnly = DeviceTensor.view(memory.pointer, shape, 'float32', { readOnly: true, owner: memory });
    const wrong: [object, string, RegExp][] = [
      [
        { student: DeviceTensor.allocate(n - 1) },
        'ERR_CKL_SHAPE',
        /^student has 95 elements; this graph .+ 96$/,
      ],
      [{ teacher: DeviceTensor.allocate(n + 1) }, 'ERR_CKL_SHAPE', /^teacher has 97 elements/],
      [
        { student: DeviceTensor.allocate(n, 'bfloat16') },
        'ERR_CKL_TYPE',
        /^student holds bfloat16; .+ float32$/,
      ],
      [
        { labels: DeviceTensor.allocate(n) },
        'ERR_CKL_TYPE',
        /^labels holds float32; this graph .+ with uint8$/,
      ],
      [
        { weights: DeviceTensor.allocate(4) },
        'ERR_CKL_TYPE',
        /^weights is given, and this graph .+ without it/,
      ],
      [{ student: disposed }, 'ERR_CKL_DISPOSED', /^student was disposed/],
      [{ grad: readOnly }, 'ERR_CKL_TYPE', /^grad is read-only/],
      [{ grad: a.teacher }, 'ERR_CKL_OVERLAP', /^grad and teacher share memory/],
      [
        { student: memory.subtensor(0, n), grad: memory.subtensor(1, n + 1) },
        'ERR_CKL_OVERLAP',
        /^grad and stu/,
      ],
      [{ student: first.student }, 'ERR_CKL_DEVICE', /^student is .+ host memory/],
      [{ student: 5 }, 'ERR_CKL_TYPE', /^student is 5/],
      [{ shape: [4, 24] }, 'ERR_CKL_SHAPE', /^shape or rowStride is given/],
      [{ rowStride: 24 }, 'ERR_CKL_SHAPE', /^shape or rowStride is given/],
      [{ studnet: a.student }, 'ERR_CKL_TYPE', /^batch\.studnet is unknown/],
    ];
    if (gpuCount > 1) {
      const there = DeviceTensor.allocate(n, 'float32', { device: 1 });
      wrong.push([{ student: there }, 'ERR_CKL_DEVICE', /^student is on device 1; this graph .+ device 0$/]);
    }
    for (const [tensors, code, message] of wrong) {
      const error = errorOf(() => graph.replace(tensors));
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
      expect(written(graph)).toEqual(expected);
    }
    for (const nothing of [null, undefined, 3]) {
      expect(errorOf(() => graph.replace(nothing as never)).code).toBe('ERR_CKL_TYPE');
    }
  });

  it('takes long rows whose ranks are computed', () => {
    const rows = [11, 12].map((seed) => toDevice(randomBatch({ seed, queries: 2, docs: 1500 })));
    using loss = prepare('ckl', { alpha: 1, shape: [2, 1500] });
    const expected = loss.run(rows[1]).grad.toArray();
    using graph = loss.capture(rows[0]);
    expectSameBits(graph.replace(tensorsOf(rows[1])).launch().grad.toArray(), expected);
  });

  it('is checked again by the addon: addresses alone may change', () => {
    using loss = prepare('ckl', { shape });
    using graph = loss.capture(toDevice(first));
    const expected = written(graph);
    const { native, captured } = graph as unknown as {
      native: NativeDeviceGraph;
      captured: { call: Float64Array };
    };
    const changed = (at: DeviceScalar, value: number) => captured.call.slice().fill(value, at, at + 1);
    const wrong: unknown[] = [
      ...[null, {}, new Float64Array(35), new Float32Array(36)],
      changed(DeviceScalar.studentType, NativeType.bfloat16),
      changed(DeviceScalar.gradType, 9),
      changed(DeviceScalar.student, 0),
      changed(DeviceScalar.weights, 4096),
      changed(DeviceScalar.grad, NaN),
      changed(DeviceScalar.summary, -1),
    ];
    for (const call of wrong) expect(native.replace(call as Float64Array)).not.toBe(NativeStatus.ok);
    expect(written(graph)).toEqual(expected);
    expect(native.replace(captured.call)).toBe(NativeStatus.ok);
  });

  it('tells at a launch that a tensor was disposed, which may be replaced', () => {
    using loss = prepare('kl', { shape });
    const [a, b] = [toDevice(first), toDevice(second)];
    using graph = loss.capture(a);
    (a.student as DeviceTensor).dispose();
    expect(errorOf(() => graph.launch()).message).toMatch(/^a tensor of this graph was disposed; replace it/);
    graph.replace({ student: b.student });
    expect(graph.launch().read()).toEqual(loss.run({ ...a, student: b.student }).read());
  });

  it('is not changed by a getter that disposes of it', () => {
    using loss = prepare('kl', { shape });
    const graph = loss.capture(toDevice(first));
    const { student } = toDevice(second);
    const hostile = {
      get student() {
        graph.dispose();
        return student;
      },
    };
    expect(errorOf(() => graph.replace(hostile)).code).toBe('ERR_CKL_DISPOSED');
  });
});
