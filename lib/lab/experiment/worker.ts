// A thread of an experiment: loads the data once, then runs the units it is handed.
import { parentPort, workerData } from 'node:worker_threads';
import type { Experiment } from './plan.js';
import type { WorkerMessage, WorkerTask } from './pool.js';
import { Retrievers } from './retrievers.js';
import { UnitRunner } from './unit.js';

async function work(experiment: Experiment): Promise<void> {
  const say = (message: WorkerMessage) => parentPort!.postMessage(message);
  const source = await Retrievers.load(experiment);
  const runner = new UnitRunner(source, experiment, { onTraining: () => say({ kind: 'training' }) });
  parentPort!.on('message', ({ place, unit }: WorkerTask) => {
    void runner.run(unit).then(
      (result) => say({ kind: 'result', place, result }),
      // Ends the thread, which hands the error to the pool.
      (error: unknown) =>
        setImmediate(() => {
          throw error;
        }),
    );
  });
  say({ kind: 'ready', data: source.summary });
}

void work(workerData as Experiment).catch((error: unknown) =>
  setImmediate(() => {
    throw error;
  }),
);
