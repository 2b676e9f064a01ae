// Runs units on worker threads, which share the data of the thread that loaded them.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BestTraining } from './best.js';
import type { ExperimentHooks } from './hooks.js';
import type { Experiment } from './plan.js';
import type { FoundRanking, RankingsOf } from './rankings.js';
import { Retrievers, type SharedRetrievers } from './retrievers.js';
import type { DataSummary, UnitResult } from './results.js';
import type { UnitTask } from './task-order.js';

/** The messages of a worker thread. */
export type WorkerMessage =
  | { kind: 'ready' }
  | { kind: 'training' }
  | { kind: 'best'; training: BestTraining }
  | { kind: 'ranking'; ranking: FoundRanking }
  /** With the text of its log, if that is wanted. */
  | { kind: 'result'; place: number; result: UnitResult; log?: string };

/** The initial data of a worker thread. */
export interface WorkerOrders {
  experiment: Experiment;
  /** The data, mostly in shared memory. */
  shared: SharedRetrievers;
  /** Of which condition the best trainings are wanted, with their parameters. */
  bestOf?: string;
  /** Which rankings are wanted. */
  rankingsOf?: RankingsOf;
  /** Whether trainings are logged. */
  logs: boolean;
}

export interface WorkerTask extends UnitTask {
  /** The word vectors that its model starts from, in shared memory. */
  start: Float32Array;
}

/** Where a run's threads take their work and leave it. */
export interface Work {
  /**
   * The next unit; undefined if there is none.
   *
   * @param last what the asking thread did before: of what shares a warm-up with it, it has that
   */
  next(last?: UnitTask): UnitTask | undefined;
  finish(place: number, result: UnitResult): Promise<void>;
  onData(data: DataSummary): Promise<void>;
  onTraining(): void;
}

/** Throws what a thread threw; the reason of an abort. */
export async function runOnThreads(
  experiment: Experiment,
  threads: number,
  work: Work,
  { signal, checkpoint, best, rankings, log, onStart }: ExperimentHooks,
): Promise<void> {
  const source = await Retrievers.load(experiment, onStart);
  signal?.throwIfAborted();
  await work.onData(source.summary);
  const workerData: WorkerOrders = {
    experiment,
    shared: source.shared,
    bestOf: best?.condition,
    rankingsOf: rankings?.wanted,
    logs: log !== undefined,
  };
  // The losses' own threads would only compete with these.
  const env = { ...process.env, CKL_THREADS: '1' };
  const workers = Array.from(
    { length: threads },
    () => new Worker(join(__dirname, 'worker.js'), { workerData, env }),
  );
  const serve = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      let task: UnitTask | undefined;
      const give = () => {
        task = work.next(task);
        if (task) worker.postMessage({ ...task, start: source.start(task.unit.model) } satisfies WorkerTask);
        else resolve();
      };
      const stop = () => reject(signal!.reason as Error);
      signal?.addEventListener('abort', stop, { once: true });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`a comparison thread ended with code ${code}`)));
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') return give();
        if (message.kind === 'training') return work.onTraining();
        if (message.kind === 'best') {
          const found = best?.take(message.training);
          if (found) checkpoint?.keepBest(found);
          return;
        }
        if (message.kind === 'ranking') return rankings?.take(message.ranking);
        if (message.log !== undefined) log?.take(message.place, message.log);
        void work.finish(message.place, message.result).then(give, reject);
      });
    });
  try {
    await Promise.all(workers.map(serve));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
