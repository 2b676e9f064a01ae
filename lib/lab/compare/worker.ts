// A thread of a comparison: loads the data once, then runs the units it is handed.
import { parentPort, workerData } from 'node:worker_threads';
import { loadComparison, summarise } from './data.js';
import type { WorkerMessage, WorkerTask } from './pool.js';
import type { CompareOptions } from './types.js';
import { UnitRunner } from './unit.js';

async function work(options: CompareOptions): Promise<void> {
  const say = (message: WorkerMessage) => parentPort!.postMessage(message);
  const data = await loadComparison(options);
  const runner = new UnitRunner(data, options, () => say({ kind: 'training' }));
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
  say({ kind: 'ready', data: summarise(data, options) });
}

void work(workerData as CompareOptions).catch((error: unknown) =>
  setImmediate(() => {
    throw error;
  }),
);
