// Worker threads that run one function as the ranks of a group: for tests of what needs several ranks and no MPI.
import { Worker } from 'node:worker_threads';
import { threads, type ThreadOptions } from '../../../lib/distributed/index';
import { root } from './launch';

/**
 * Runs `body`, the text of a function (group, input, require), in `ranks` threads.
 * @returns what each returned, by rank; what it threw comes as { code, message }
 */
export async function team<T>(
  ranks: number,
  body: string,
  inputs: (rank: number) => unknown = () => null,
  options: ThreadOptions = {},
): Promise<T[]> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { createRequire } = require('node:module');
    const within = createRequire(workerData.root + '/package.json');
    const { joinThreads } = within('ckl-loss/distributed');
    let result;
    try {
      result = (${body})(joinThreads(workerData.seat), workerData.input, within);
    } catch (error) {
      result = { code: error.code, message: error.message };
    }
    parentPort.postMessage(result);`;
  return Promise.all(
    threads(ranks, { timeout: 100_000, ...options }).map(
      (seat) =>
        new Promise<T>((resolve, reject) => {
          const worker = new Worker(code, {
            eval: true,
            workerData: { root, seat, input: inputs(seat.rank) },
          });
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
}
