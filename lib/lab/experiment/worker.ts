// A thread of an experiment: runs the units it receives, on the data of the thread that loaded them.
import { parentPort, workerData } from 'node:worker_threads';
import { BestTrainings } from './best.js';
import { Rankings } from './rankings.js';
import { Retrievers } from './retrievers.js';
import type { UnitTask } from './task-order.js';
import type { WorkerMessage, WorkerOrders, WorkerTask } from './threads.js';
import { UnitLog } from './training-log.js';
import { UnitRunner } from './unit.js';

function work({ experiment, shared, bestOf, rankingsOf, logs }: WorkerOrders): void {
  const say = (message: WorkerMessage) => parentPort!.postMessage(message);
  const source = Retrievers.of(shared, experiment);
  const best = bestOf === undefined ? undefined : new BestTrainings(bestOf);
  let task: UnitTask;
  let log: UnitLog | undefined;
  const runner = new UnitRunner(source, experiment, {
    onTraining: () => say({ kind: 'training' }),
    onRecipe: (name, seed, rate) => log?.recipe(name, seed, rate),
    onProgress: (progress) => log?.batch(progress),
    onEpoch: (progress, behaviour) => log?.epoch(progress, behaviour),
    onRanked:
      rankingsOf &&
      ((student, seed, run) => {
        const ranking = new Rankings(rankingsOf).offer(task, seed, student, run);
        if (ranking) say({ kind: 'ranking', ranking });
      }),
    onMeasured:
      best &&
      ((run, rate, copy) => {
        const training = best.offer({ ...task, run, rate }, copy);
        if (training) say({ kind: 'best', training });
      }),
  });
  parentPort!.on('message', (given: WorkerTask) => {
    task = given;
    const { place, unit, start } = given;
    source.takeStart(unit.model, start);
    log = logs ? new UnitLog(unit) : undefined;
    void runner.run(unit).then(
      (result) => say({ kind: 'result', place, result, log: log?.text() }),
      // Ends the thread, which hands the error to the pool.
      (error: unknown) =>
        setImmediate(() => {
          throw error;
        }),
    );
  });
  say({ kind: 'ready' });
}

work(workerData as WorkerOrders);
