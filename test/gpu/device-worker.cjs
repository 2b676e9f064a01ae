// A thread with losses of its own on the first device; devices.test.ts starts some at once.
const { parentPort, workerData } = require('node:worker_threads');
const { DeviceTensor, prepare } = require('../../dist/cuda/index.js');

const { seed, rounds } = workerData;
const [queries, docs] = [20, 60];
const n = queries * docs;
const loss = prepare('ckl', { shape: [queries, docs] });
const tensors = {
  student: DeviceTensor.from(Float32Array.from({ length: n }, (_, i) => Math.sin(i * (seed + 1)))),
  teacher: DeviceTensor.from(Float32Array.from({ length: n }, (_, i) => Math.cos(i * (seed + 2)))),
  labels: DeviceTensor.from(Uint8Array.from({ length: n }, (_, i) => Number(i % docs < 3))),
};
const graph = loss.capture(tensors);
const expected = loss.run(tensors).read().loss;

async function work() {
  for (let round = 0; round < rounds; round++) {
    const values = [loss.run(tensors).read().loss, (await graph.launch().readAsync()).loss];
    if (values.some((value) => value !== expected)) throw new Error(`${values} and not ${expected}`);
  }
  parentPort.postMessage(expected);
}

void work();
