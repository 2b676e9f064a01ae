// Runs the units of a comparison, in this thread or on several; what comes out does not depend on how many.
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { CompareCheckpoint } from './checkpoint.js';
import { loadComparison, summarise } from './data.js';
import { trainingsOf, unitsOf } from './recipes.js';
import type { CompareOptions, DataSummary, Unit, UnitResult } from './types.js';
import { UnitRunner } from './unit.js';

/** What a worker thread says. */
export type WorkerMessage =
  | { kind: 'ready'; data: DataSummary }
  | { kind: 'training' }
  | { kind: 'result'; place: number; result: UnitResult };

/** A unit with its place among {@link unitsOf}. */
export interface WorkerTask {
  place: number;
  unit: Unit;
}

export interface PoolHooks {
  /** Once the data is read. */
  onData?: (data: DataSummary) => void;
  /** After each training, and once at the beginning: how many are done, and how many there are. */
  onTraining?: (done: number, all: number) => void;
  signal?: AbortSignal;
  /** Keeps results as they come; what it holds already is not done again. */
  checkpoint?: CompareCheckpoint;
}

interface PoolResult {
  data: DataSummary;
  /** In the order of {@link unitsOf}. */
  results: UnitResult[];
}

/** Where the threads of a run take their work and leave it. */
interface Work {
  /** The next unit; undefined when there is none. */
  next(): WorkerTask | undefined;
  finish(place: number, result: UnitResult): Promise<void>;
  onData(data: DataSummary): Promise<void>;
  onTraining(): void;
}

/**
 * @param jobs threads; 1 = this one
 * @throws DataError for bad files, RangeError for options that a loss refuses; the reason of an abort
 */
export async function runUnits(options: CompareOptions, jobs: number, hooks: PoolHooks): Promise<PoolResult> {
  const { checkpoint, signal } = hooks;
  const units = unitsOf(options);
  const results = new Map<number, UnitResult>(checkpoint?.done);
  const tasks = units.map((unit, place) => ({ place, unit })).filter(({ place }) => !results.has(place));
  const count = (some: readonly Unit[]) => some.reduce((sum, unit) => sum + trainingsOf(unit, options), 0);
  const all = count(units);
  let done = all - count(tasks.map(({ unit }) => unit));
  let data: DataSummary | undefined;
  const work: Work = {
    next: () => tasks.shift(),
    async finish(place, result) {
      results.set(place, result);
      await checkpoint?.add(place, result);
    },
    async onData(found) {
      if (data) return;
      data = found;
      await checkpoint?.bind(found.digest);
      hooks.onData?.(data);
      hooks.onTraining?.(done, all);
    },
    onTraining: () => hooks.onTraining?.(++done, all),
  };
  const threads = Math.min(jobs, tasks.length);
  await (threads > 1 ? runOnThreads(options, threads, work, signal) : runHere(options, work, signal));
  return { data: data!, results: units.map((_, place) => results.get(place)!) };
}

async function runHere(options: CompareOptions, work: Work, signal: AbortSignal | undefined): Promise<void> {
  const loaded = await loadComparison(options);
  await work.onData(summarise(loaded, options));
  const runner = new UnitRunner(loaded, options, work.onTraining);
  for (let task = work.next(); task; task = work.next()) {
    signal?.throwIfAborted();
    await work.finish(task.place, await runner.run(task.unit));
    await setImmediate();
  }
}

async function runOnThreads(
  options: CompareOptions,
  threads: number,
  work: Work,
  signal: AbortSignal | undefined,
): Promise<void> {
  // The losses' own threads would only be in the way of these.
  const env = { ...process.env, CKL_THREADS: '1' };
  const workers = Array.from(
    { length: threads },
    () => new Worker(join(__dirname, 'worker.js'), { workerData: options, env }),
  );
  const serve = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const give = () => {
        const task = work.next();
        if (task) worker.postMessage(task);
        else resolve();
      };
      const stop = () => reject(signal!.reason as Error);
      signal?.addEventListener('abort', stop, { once: true });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`a comparison thread ended with code ${code}`)));
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'training') return work.onTraining();
        if (message.kind === 'result')
          return void work.finish(message.place, message.result).then(give, reject);
        void work.onData(message.data).then(give, reject);
      });
    });
  try {
    await Promise.all(workers.map(serve));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
