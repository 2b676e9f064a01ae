// The addon in many threads: eight workers at once, and eight terminated in the middle of their work, again and again.
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { kl } from '../../../lib/index';
import { randomBatch } from '../loss/helpers';

const start = (seed: number, rounds: number) =>
  new Worker(join(__dirname, 'loss-worker.cjs'), { workerData: { seed, rounds } });

/** Resolves with the first message that is an object; rejects with what the worker threw. */
function finished(worker: Worker): Promise<{ loss: number }> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message) => typeof message === 'object' && resolve(message));
    worker.on('error', reject);
    worker.on('exit', (code) => code !== 0 && reject(new Error(`exit ${code}`)));
  });
}

describe('worker threads', () => {
  it('eight at once compute what one thread computes', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, (_, i) => finished(start(i % 2, 30))));
    results.forEach(({ loss }, i) => expect(loss).toBe(results[i % 2].loss));
    expect(results[0].loss).not.toBe(results[1].loss);
  });

  it('eight terminated in the middle of plain and asynchronous work, twelve times over', async () => {
    const batch = randomBatch({ seed: 1, queries: 5, docs: 5 });
    const expected = kl(batch).loss;
    for (let round = 0; round < 12; round++) {
      const workers = Array.from({ length: 8 }, (_, i) => start(i, 1e9));
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      await new Promise((resolve) => setTimeout(resolve, round));
      const codes = await Promise.all(workers.map((worker) => worker.terminate()));
      expect(codes).toEqual(Array(8).fill(1));
      expect(kl(batch).loss).toBe(expected);
    }
  });
});
