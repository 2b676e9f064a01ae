// What goes wrong on a GPU and what works after it: no memory, a call that CUDA refuses, a fault that ends the GPU for the process.
import { describe, expect, it } from 'vitest';
import { DeviceTensor, prepare } from '../../lib/cuda/index';
import { ckl, CudaError } from '../../lib/index';
import { errorOf, expectSameBits, randomBatch } from '../js/loss/helpers';
import { toDevice } from '../js/cuda/helpers';
import { gpu, isEmulated, runScript, sized } from './helpers';

/** Takes nearly all memory; returns what gives it back. */
function fill(left: number): () => void {
  const held: DeviceTensor<'uint8'>[] = [];
  for (let size = 2 ** 33; size >= 2 ** 20; size /= 2)
    while (gpu.freeMemory() - left > size * 1.1) held.push(DeviceTensor.allocate(size, 'uint8'));
  return () => held.forEach((tensor) => tensor.dispose());
}

describe('without memory', () => {
  const docs = 512;
  // On the emulator gradients that never fit, since to fill its memory is to fill the host's.
  const queries = sized(131_072, 2 ** 23);

  it('a run that needs a gradient fails with CUDA’s name, and works once there is memory', () => {
    const tensors = toDevice(randomBatch({ seed: 3, queries: 1, docs }));
    const own = { ...tensors, grad: DeviceTensor.allocate(docs), perQuery: DeviceTensor.allocate(1) };
    using loss = prepare('kl', { shape: [queries, docs] });
    using other = prepare('kl', { shape: [1, docs] });
    const expected = other.run(own).read();
    const giveBack = isEmulated ? () => {} : fill(queries * docs * 2);
    const error = errorOf(() => loss.run(tensors)) as unknown as CudaError;
    expect(error).toBeInstanceOf(CudaError);
    expect(error.cudaName).toBe('cudaErrorMemoryAllocation');
    // What needs no outputs still runs, and it is right.
    expect(loss.run(own).read()).toEqual(expected);
    giveBack();
    if (!isEmulated) expect(loss.run(tensors).read()).toEqual(expected);
    expect(other.run(tensors).read()).toEqual(expected);
  });

  it.runIf(!isEmulated)('arrays of the host are refused, untouched, and work once there is memory', () => {
    const batch = randomBatch({ seed: 4, queries: 16_384, docs: 512 });
    const grad = new Float32Array(batch.student.length).fill(7);
    const options = { gamma: 5, alpha: 0, backend: 'cuda' } as const;
    const giveBack = fill(batch.student.length * 4);
    const error = errorOf(() => ckl({ ...batch, grad }, options));
    expect(['ERR_CKL_MEMORY', 'ERR_CKL_CUDA']).toContain(error.code);
    expect(error.message).toMatch(/memory/i);
    expect(grad.every((x) => x === 7)).toBe(true);
    const cpu = ckl(batch, { ...options, backend: 'cpu' });
    giveBack();
    const { loss } = ckl({ ...batch, grad }, options);
    expect(Math.abs(loss - cpu.loss)).toBeLessThan(1e-5 * Math.abs(cpu.loss));
  });

  it('nothing is lost by a thousand failures', () => {
    const free = gpu.freeMemory();
    for (let k = 0; k < sized(1000, 50); k++) errorOf(() => DeviceTensor.allocate(2 ** 42, 'uint8'));
    expect(gpu.freeMemory()).toBe(free);
    using small = DeviceTensor.from(Float32Array.of(1, 2));
    expectSameBits(small.toArray(), Float32Array.of(1, 2));
  });
});

describe('a process of its own', () => {
  it('whose call CUDA refuses goes on', async () => {
    const { code, out, err } = await runScript('fault.cjs', ['refused']);
    expect(err).toBe('');
    expect(out).toMatch(/^CudaError cudaError\w+: .*\ngpu works\ncpu works\n$/);
    expect(code).toBe(0);
  });

  // The emulator's memory is the process's own: there is nothing to survive.
  it.runIf(!isEmulated)(
    'that reads past the end of its memory: the CPU works, each call to the GPU says what happened',
    async () => {
      const { code, out, err } = await runScript('fault.cjs', ['past the end']);
      expect(err).toBe('');
      const lines = out.trim().split('\n');
      expect(lines.slice(-1)).toEqual(['cpu works']);
      expect(lines.length).toBeGreaterThan(5);
      for (const line of lines.slice(0, -1)) expect(line).toMatch(/^CudaError cudaErrorIllegalAddress: /);
      expect(code).toBe(0);
    },
  );
});
