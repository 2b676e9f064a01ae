// Starts workers that keep the GPU busy and terminates them in the middle, again and again; in between the main thread's loss is the same.
const { once } = require('node:events');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');
const { ckl } = require('../../dist/index.js');
const { host, tensors, loss, expected } = require('./small-batch.cjs');

const onHost = ckl(host, { backend: 'cuda' }).loss;

async function main() {
  for (let round = 0; round < Number(process.argv[2]); round++) {
    const workers = Array.from({ length: 3 }, () => new Worker(join(__dirname, 'in-flight.cjs')));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await new Promise((resolve) => setTimeout(resolve, 7 * round));
    await Promise.all(workers.map((worker) => worker.terminate()));
    if (loss.run(tensors).read().loss !== expected || ckl(host, { backend: 'cuda' }).loss !== onHost)
      throw new Error('another loss');
    console.log('terminated, and the loss is the same');
  }
}

void main();
