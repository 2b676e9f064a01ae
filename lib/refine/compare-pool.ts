// Runs the units of a comparison, in this thread or on several; what comes out does not depend on how many.
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { loadComparison, summarise } from './compare-data.js';
import { trainingsOf, unitsOf } from './compare-recipes.js';
import type { CompareOptions, DataSummary, Unit, UnitResult } from './compare-types.js';
import { UnitRunner } from './compare-unit.js';

/** What a worker thread says. */
export type WorkerMessage =
  | { kind: 'ready'; data: DataSummary }
  | { kind: 'training' }
  | { kind: 'result'; index: number; result: UnitResult };

/** What it is told: the index and the unit that come next. */
export interface WorkerTask {
  index: number;
  unit: Unit;
}

export interface PoolHooks {
  onData?: (data: DataSummary) => void;
  /** After each training: how many are done, and how many there are. */
  onTraining?: (done: number, all: number) => void;
  signal?: AbortSignal;
}

interface PoolResult {
  data: DataSummary;
  /** In the order of {@link unitsOf}. */
  results: UnitResult[];
}

/**
 * @param jobs threads; 1 = this one
 * @throws DataError for bad files, RangeError for options that a loss refuses; the reason of an abort
 */
export function runUnits(options: CompareOptions, jobs: number, hooks: PoolHooks): Promise<PoolResult> {
  const units = unitsOf(options);
  const all = units.reduce((sum, unit) => sum + trainingsOf(unit, options), 0);
  let done = 0;
  const onTraining = () => hooks.onTraining?.(++done, all);
  const threads = Math.min(jobs, units.length);
  return threads > 1
    ? runOnThreads(options, units, threads, { ...hooks, onTraining })
    : runHere(options, units, { ...hooks, onTraining });
}

async function runHere(
  options: CompareOptions,
  units: readonly Unit[],
  hooks: PoolHooks & { onTraining: () => void },
): Promise<PoolResult> {
  const loaded = await loadComparison(options);
  const data = summarise(loaded, options);
  hooks.onData?.(data);
  const runner = new UnitRunner(loaded, options, hooks.onTraining);
  const results: UnitResult[] = [];
  for (const unit of units) {
    hooks.signal?.throwIfAborted();
    results.push(await runner.run(unit));
    await setImmediate();
  }
  return { data, results };
}

async function runOnThreads(
  options: CompareOptions,
  units: readonly Unit[],
  threads: number,
  { onData, onTraining, signal }: PoolHooks & { onTraining: () => void },
): Promise<PoolResult> {
  const results = new Array<UnitResult>(units.length);
  let data: DataSummary | undefined;
  let next = 0;
  // The losses' own threads would only be in the way of these.
  const env = { ...process.env, CKL_THREADS: '1' };
  const workers = Array.from(
    { length: threads },
    () => new Worker(join(__dirname, 'compare-worker.js'), { workerData: options, env }),
  );
  const serve = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const give = () => {
        if (next >= units.length) return resolve();
        const task: WorkerTask = { index: next, unit: units[next++] };
        worker.postMessage(task);
      };
      const stop = () => reject(signal!.reason as Error);
      signal?.addEventListener('abort', stop, { once: true });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`a comparison thread ended with code ${code}`)));
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'training') return onTraining();
        if (message.kind === 'result') results[message.index] = message.result;
        else if (!data) onData?.((data = message.data));
        give();
      });
    });
  try {
    await Promise.all(workers.map(serve));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return { data: data!, results };
}
