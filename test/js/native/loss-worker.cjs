// Runs plain and asynchronous losses without end; workers.test.ts starts many of these and terminates them in the middle.
const { parentPort, workerData } = require('node:worker_threads');
const { ckl, kl, lambdaMrrAsync, klAsync, prepare } = require('../../../dist/index.js');

const { seed, rounds } = workerData;
const queries = 20;
const docs = 60;
const n = queries * docs;
const student = Float32Array.from({ length: n }, (_, i) => Math.sin(i * (seed + 1)));
const teacher = Float32Array.from({ length: n }, (_, i) => Math.cos(i * (seed + 2)));
const labels = Uint8Array.from({ length: n }, (_, i) => (i % docs < 3 ? 1 : 0));
const batch = { student, teacher, labels, shape: [queries, docs] };

async function work() {
  const prepared = prepare('ckl', { shape: [queries, docs], threads: 2 });
  const expected = kl(batch).loss;
  for (let round = 0; round < rounds; round++) {
    if (prepared.run(batch).loss !== ckl(batch).loss) throw new Error('a prepared loss differs');
    const results = await Promise.all([klAsync(batch), lambdaMrrAsync(batch), klAsync(batch)]);
    if (results[0].loss !== expected || results[2].loss !== expected)
      throw new Error('an asynchronous loss differs');
    if (round === 0) parentPort.postMessage('working');
  }
  prepared.dispose();
  return expected;
}

work().then(
  (loss) => parentPort.postMessage({ loss }),
  (error) => {
    throw error;
  },
);
