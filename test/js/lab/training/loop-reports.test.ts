// What a training passes to its hooks, seen through the recording student: progress, epochs, and positions from which it continues.
import { describe, expect, it, vi } from 'vitest';
import { kl } from '../../../../lib/index';
import type { Position, Progress } from '../../../../lib/lab/training/distil';
import { BATCHES, batchOf, EPOCHS, run, student } from './recorded-run';
import { ndcgAt, type RecordingStudent } from './recording';

describe('a training that goes on', () => {
  it.each([
    ['kl', {}],
    ['ckl', { refreshRanks: 4 }],
    ['lambdaMrr', {}],
  ] as const)(
    '%s: from every batch sees what the one that was never interrupted saw',
    async (loss, options) => {
      const saved: {
        position: Position;
        best: Record<string, Float32Array>;
        version: number;
        factor: number;
      }[] = [];
      const of = student();
      const whole = await run(
        { loss, ...options },
        {
          of,
          hooks: {
            checkpoint: {
              every: 1,
              save: async (position, best) => {
                const { version, factor } = of;
                saved.push(
                  structuredClone({ position, best: best as Record<string, Float32Array>, version, factor }),
                );
              },
            },
          },
        },
      );
      // Each batch but the last of an epoch, and each epoch.
      expect(saved).toHaveLength(EPOCHS * BATCHES);
      for (const { position, best, version, factor } of saved) {
        const again = student();
        [again.version, again.factor] = [version, factor];
        const { result } = await run(
          { loss, ...options },
          { of: again, hooks: { resume: { position, best } } },
        );
        expect(result).toEqual(whole.result);
        expect(again.version).toBe(2 * BATCHES);
        expect(again.rates).toEqual(of.rates.slice(version));
        expect(again.of('scale')).toEqual([]);
        const seen = (student: RecordingStudent) =>
          student.of('backward').map(({ list, grad, version }) => ({ qid: list.qid, grad, version }));
        expect(seen(again)).toEqual(seen(of).filter((event) => event.version >= version));
      }
    },
  );
});

describe('what is reported', () => {
  it('is the step among all steps, the mean loss since the epoch began, and dev after the last whole epoch', async () => {
    const progress: Progress[] = [];
    const epochs: { epoch: number; dev: number; loss: number }[] = [];
    const { of } = await run(
      {},
      { hooks: { onProgress: (p) => progress.push({ ...p }), onEpoch: (p) => epochs.push({ ...p }) } },
    );
    const losses = of.batches.map((batch) => kl(batchOf(batch), { teacherTemperature: 2 }).loss);
    const ndcg = [5, 4, 1, 3, 2].map(ndcgAt);
    progress.forEach(({ epoch, step, steps, loss, dev }, i) => {
      expect([epoch, step, steps]).toEqual([1 + Math.floor(i / BATCHES), i + 1, EPOCHS * BATCHES]);
      const since = losses.slice(i - (i % BATCHES), i + 1);
      expect(loss).toBeCloseTo(since.reduce((a, b) => a + b) / since.length, 5);
      expect(dev).toBeCloseTo(ndcg[Math.floor(i / BATCHES)], 12);
    });
    // What is left takes as long a step as what was done.
    let queries = 0;
    progress.forEach(({ step, steps, queriesPerSecond, secondsLeft }, i) => {
      queries += of.batches[i].length;
      const elapsed = queries / queriesPerSecond;
      expect(elapsed).toBeGreaterThan(0);
      expect(secondsLeft / elapsed).toBeCloseTo((steps - step) / step, 6);
    });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    epochs.forEach(({ dev }, i) => expect(dev).toBeCloseTo(ndcg[i + 1], 12));
  });
  it('is the pace since the training began, in seconds', async () => {
    // Whenever it is asked after the start, four seconds have gone by.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(5000).mockReturnValueOnce(1000);
    const progress: Progress[] = [];
    try {
      await run({ epochs: 1 }, { hooks: { onProgress: (p) => progress.push({ ...p }) } });
    } finally {
      clock.mockRestore();
    }
    expect(progress.map(({ queriesPerSecond }) => queriesPerSecond)).toEqual([3 / 4, 6 / 4, 7 / 4]);
    expect(progress.map(({ secondsLeft }) => secondsLeft)).toEqual([8, 2, 0]);
  });
});
