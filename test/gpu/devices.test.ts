// Several GPUs in one process: the same losses on each, at the same time, from one thread and from many.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { devices, prepare } from '../../lib/cuda/index';
import { expectSameBits, randomBatch } from '../js/loss/helpers';
import { toDevice } from '../js/cuda/helpers';
import { sized } from './helpers';

const all = devices();
const shape = sized([2000, 100], [20, 30]) as [number, number];
const batch = randomBatch({ seed: 1, queries: shape[0], docs: shape[1] });

describe.runIf(all.length > 1)('several devices', () => {
  it('interleaved give what the first gives alone', () => {
    const jobs = all.map(({ index }) => ({
      loss: prepare('ckl', { shape, device: index }),
      tensors: toDevice(batch, { device: index }),
    }));
    const expected = jobs[0].loss.run(jobs[0].tensors);
    const value = expected.read();
    const grad = expected.grad.toArray();
    for (let round = 0; round < sized(50, 2); round++) {
      const results = jobs.map(({ loss, tensors }) => loss.run(tensors));
      // GPUs of one kind agree to the last bit; others within the accuracy.
      results.forEach((result, k) => {
        const { loss, counted } = result.read();
        expect(counted).toBe(value.counted);
        expect(Math.abs(loss - value.loss)).toBeLessThanOrEqual(
          all[k].capability === all[0].capability ? 0 : 1e-5 * Math.abs(value.loss),
        );
        if (all[k].capability === all[0].capability)
          expectSameBits(result.grad.toArray(), grad, `device ${k}`);
      });
    }
    for (const { loss } of jobs) loss.dispose();
  });
});

describe('threads', () => {
  it('use the same device at once', async () => {
    const workers = Array.from(
      { length: 4 },
      (_, seed) =>
        new Worker(join(__dirname, 'device-worker.cjs'), {
          workerData: { seed: seed % 2, rounds: sized(200, 3) },
        }),
    );
    const losses = await Promise.all(
      workers.map(async (worker) => (await once(worker, 'message'))[0] as number),
    );
    expect(losses[2]).toBe(losses[0]);
    expect(losses[3]).toBe(losses[1]);
    expect(losses[1]).not.toBe(losses[0]);
  });
});
