// Losses captured as CUDA graphs: launched again and again on the tensors they were captured with.
import { describe, expect, it } from 'vitest';
import { type DeviceLoss, DeviceTensor, prepare, Stream } from '../../../lib/cuda/index';
import { errorOf, expectSameBits, randomBatch } from '../loss/helpers';
import { hasGpu, toDevice } from './helpers';

const batch = randomBatch({ seed: 91, queries: 4, docs: 24 });
const other = randomBatch({ seed: 92, queries: 4, docs: 24 });

/** What plain runs give for the two batches. */
function expectedOf(loss: DeviceLoss, tensors: ReturnType<typeof toDevice>) {
  const student = tensors.student as DeviceTensor;
  return [batch, other].map(({ student: scores }) => {
    student.copyFrom(scores);
    const result = loss.run(tensors);
    return { ...result.read(), grad: result.grad.toArray() };
  });
}

describe.runIf(hasGpu)('a captured loss', () => {
  it.each(['ckl', 'kl', 'marginMse', 'lambdaMrr'] as const)(
    '%s reads its tensors anew at each launch',
    (name) => {
      using loss = prepare(name, { shape: [4, 24] });
      const tensors = toDevice(batch);
      const expected = expectedOf(loss, tensors);
      using graph = loss.capture(tensors);
      for (const [k, { student }] of [batch, other].entries()) {
        (tensors.student as DeviceTensor).copyFrom(student);
        const result = graph.launch();
        expect(result.read().loss).toBe(expected[k].loss);
        expect(result.read().counted).toBe(expected[k].counted);
        expectSameBits(result.grad.toArray(), expected[k].grad);
      }
    },
  );

  it('refuses to read the loss of an earlier launch', async () => {
    using loss = prepare('ckl', { shape: [4, 24] });
    using graph = loss.capture(toDevice(batch));
    const first = graph.launch();
    const read = first.readAsync();
    const second = graph.launch();
    expect(errorOf(() => first.read()).message).toMatch(/^a later run of this loss has overwritten this/);
    await expect(first.readAsync()).rejects.toMatchObject({ code: 'ERR_CKL_DISPOSED' });
    expect(await read).toEqual(second.read());
    loss.run(toDevice(other));
    expect(second.read().counted).toBe(4);
  });

  it('computes nothing before its first launch', () => {
    using loss = prepare('kl', { shape: [4, 24] });
    const tensors = toDevice(batch);
    const grad = DeviceTensor.from(new Float32Array(96).fill(5));
    using graph = loss.capture({ ...tensors, grad });
    expect(grad.toArray()[0]).toBe(5);
    expect(graph.launch().grad).toBe(grad);
    expect(grad.toArray()[0]).not.toBe(5);
  });

  it('has outputs of its own, and outlives the loss it came from', () => {
    const loss = prepare('ckl', { shape: [4, 24] });
    const tensors = toDevice(batch);
    const graph = loss.capture(tensors);
    const result = graph.launch();
    const grad = result.grad.toArray();
    const run = loss.run({ ...toDevice(other) });
    expect(run.grad.pointer).not.toBe(result.grad.pointer);
    loss.dispose();
    expectSameBits(result.grad.toArray(), grad);
    expectSameBits(graph.launch().grad.toArray(), grad);
    graph.dispose();
    graph.dispose();
    expect(errorOf(() => graph.launch()).code).toBe('ERR_CKL_DISPOSED');
    expect(errorOf(() => result.read()).code).toBe('ERR_CKL_DISPOSED');
  });

  it('takes ragged lists, long rows without ranks, and gradients in place', () => {
    const long = randomBatch({ seed: 93, queries: 1, docs: 1500 });
    using loss = prepare('ckl', { shape: [3, 1500] });
    const rest = { ...toDevice(long), shape: undefined };
    const ragged = { ...rest, offsets: Int32Array.of(0, 1200, 1500) };
    const expected = loss.run(ragged).grad.toArray();
    const student = rest.student as DeviceTensor;
    using graph = loss.capture({ ...ragged, grad: student });
    ragged.offsets.fill(0); // they were copied
    expectSameBits(graph.launch().grad.toArray(), expected);
    expect(graph.launch().grad).toBe(student);
  });

  it('launched on different streams comes in order', () => {
    using loss = prepare('ckl', { shape: [4, 24] });
    const tensors = toDevice(batch);
    const expected = loss.run(tensors).read();
    using graph = loss.capture(tensors);
    using one = Stream.create();
    using two = Stream.create();
    one.waitFor((tensors.student as DeviceTensor).device.stream);
    graph.launch({ stream: one });
    expect(graph.launch({ stream: two }).read()).toEqual(expected);
  });

  it('refuses tensors that were disposed since', () => {
    using loss = prepare('kl', { shape: [4, 24] });
    const tensors = toDevice(batch);
    using graph = loss.capture(tensors);
    (tensors.teacher as DeviceTensor).dispose();
    expect(errorOf(() => graph.launch()).message).toMatch(/^a tensor of this graph was disposed/);
  });

  it('of a wrong batch is not made, and the loss still runs', () => {
    using loss = prepare('kl', { shape: [4, 24] });
    const tensors = toDevice(batch);
    const offsets = Int32Array.of(0, 20, 10);
    const rest = { ...tensors, shape: undefined };
    expect(errorOf(() => loss.capture({ ...rest, offsets })).code).toBe('ERR_CKL_OFFSETS');
    expect(loss.run(tensors).read().counted).toBe(4);
  });
});
