// Many streams and graphs at once: each with a loss of its own, interleaved, thousands of times; results are those of one after the other.
import { describe, expect, it } from 'vitest';
import { type DeviceGraph, DeviceTensor, prepare, Stream } from '../../lib/cuda/index';
import { ckl } from '../../lib/index';
import { expectSameBits, randomBatch } from '../js/loss/helpers';
import { toDevice } from '../js/cuda/helpers';
import { gpu, sized } from './helpers';

const shapes: [number, number][] = sized(
  [
    [2000, 50],
    [64, 1000],
    [3, 60_000],
    [100_000, 8],
    [500, 129],
    [40, 8192],
    [1, 300_000],
    [32, 8],
  ],
  [
    [20, 50],
    [6, 100],
    [2, 1500],
    [32, 8],
  ],
);

/** A loss, its batch on the GPU and what it gives, alone. */
function jobs() {
  return shapes.map((shape, k) => {
    const batch = randomBatch({ seed: 40 + k, queries: shape[0], docs: shape[1] });
    const loss = prepare('ckl', { shape, gamma: k % 2 ? 2.3 : 5, alpha: k % 3 ? 0 : 1 });
    const tensors = toDevice(batch);
    const run = loss.run(tensors);
    return { batch, loss, tensors, value: run.read(), grad: run.grad.toArray() };
  });
}

describe('streams', () => {
  it('overlap without touching each other', () => {
    const all = jobs().map((job) => ({ ...job, stream: Stream.create() }));
    for (const { stream } of all) stream.waitFor(gpu.stream);
    for (let round = 0; round < sized(100, 3); round++) {
      // Everything is enqueued before anything is waited for.
      const results = all.map(({ loss, tensors, stream }) => loss.run(tensors, { stream }));
      results.forEach((result, k) => {
        expect(result.read()).toEqual(all[k].value);
        if (round % 10 === 0)
          expectSameBits(result.grad.toArray({ stream: all[k].stream }), all[k].grad, `job ${k}`);
      });
    }
    for (const { loss, stream } of all) {
      loss.dispose();
      stream.dispose();
    }
  });

  it('change under a loss from run to run, and its runs stay in order', () => {
    const [{ loss, tensors, value }] = jobs();
    const streams = Array.from({ length: 4 }, () => Stream.create());
    for (const stream of streams) stream.waitFor(gpu.stream);
    const student = tensors.student as DeviceTensor;
    const own = { ...tensors, grad: DeviceTensor.allocate(student.shape) };
    for (let round = 0; round < sized(400, 8); round++) {
      const stream = streams[round % 4];
      const result = loss.run(own, { stream });
      if (round % 7 === 0) expect(result.read()).toEqual(value);
    }
    for (const stream of streams) stream.dispose();
    loss.dispose();
  });

  it('carry copies in both directions beside the losses', async () => {
    const all = jobs();
    const results = all.map(async ({ loss, tensors, batch, value, grad }) => {
      const stream = Stream.create();
      const own = { ...tensors, student: DeviceTensor.allocate(batch.shape) };
      stream.waitFor(gpu.stream);
      for (let round = 0; round < sized(20, 2); round++) {
        own.student.copyFrom(batch.student, { stream });
        const result = loss.run(own, { stream });
        const [read, copied] = await Promise.all([result.readAsync(), result.grad.toArrayAsync({ stream })]);
        expect(read).toEqual(value);
        expectSameBits(copied, grad);
      }
      stream.dispose();
    });
    await Promise.all(results);
  });
});

describe('graphs', () => {
  it('launched thousands of times give the same bits, and take no more memory', () => {
    const all = jobs().slice(0, 5);
    const graphs: DeviceGraph[] = all.map(({ loss, tensors }) => loss.capture(tensors));
    for (const { loss } of all) loss.dispose();
    graphs.forEach((graph, k) => expect(graph.launch().read()).toEqual(all[k].value));
    const free = gpu.freeMemory();
    for (let round = 0; round < sized(5000, 4); round++) for (const graph of graphs) graph.launch();
    graphs.forEach((graph, k) => {
      const result = graph.launch();
      expect(result.read()).toEqual(all[k].value);
      expectSameBits(result.grad.toArray(), all[k].grad, `graph ${k}`);
    });
    expect(gpu.freeMemory()).toBe(free);
    for (const graph of graphs) graph.dispose();
  });

  it('follow the scores: a descent by graph is the descent by runs', () => {
    const batch = randomBatch({ seed: 77, queries: 64, docs: 32 });
    const host = batch.student.slice();
    const tensors = toDevice(batch);
    using loss = prepare('ckl', { shape: batch.shape, gamma: 5, alpha: 0 });
    using graph = loss.capture(tensors);
    let last = Infinity;
    for (let step = 0; step < sized(300, 3); step++) {
      const result = graph.launch();
      const plain = loss.run(tensors);
      expectSameBits(result.grad.toArray(), plain.grad.toArray(), `step ${step}`);
      const grad = result.grad.toArray() as Float32Array;
      const { loss: value } = result.read();
      expect(value).toBeLessThanOrEqual(last + 1e-6);
      last = value;
      for (let i = 0; i < host.length; i++) host[i] -= grad[i];
      (tensors.student as DeviceTensor).copyFrom(host);
    }
    const cpu = ckl({ ...batch, student: host }, { gamma: 5, alpha: 0, backend: 'cpu' });
    expect(Math.abs(cpu.loss - graph.launch().read().loss)).toBeLessThan(1e-5 * Math.abs(cpu.loss));
  });
});
