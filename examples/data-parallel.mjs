// Data parallel training on one machine: every process holds a part of the queries, computes loss and gradient of its part, and the parent adds
// the gradients and takes the step. With reduction 'sum' and a division by all counted queries the parts add up to the whole batch's mean,
// so that two processes learn what one does.
// Run: node examples/data-parallel.mjs
import { prepare } from 'ckl-loss';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [queries, docs, features, steps] = [64, 16, 8, 60];

/** Query b's document i, feature k: the same numbers in every process. */
const feature = (b, i, k) => Math.sin((b * 131 + i * 17 + k * 7 + 1) * 12.9898);
const truth = Float64Array.from({ length: features }, (_, k) => (k % 2 === 0 ? 1 : -0.5));

/** A linear student's loss and gradient on the queries from `begin` to `end`; parameters in, sums out. */
function makePart(begin, end) {
  const rows = end - begin;
  const x = Float64Array.from({ length: rows * docs * features }, (_, at) => {
    const [b, i, k] = [Math.floor(at / (docs * features)), Math.floor(at / features) % docs, at % features];
    return feature(begin + b, i, k);
  });
  const score = (w, at) => {
    let sum = 0;
    for (let k = 0; k < features; k++) sum += w[k] * x[at * features + k];
    return sum;
  };
  const student = new Float32Array(rows * docs);
  const teacher = Float32Array.from(student, (_, at) => 2 * score(truth, at));
  const labels = new Uint8Array(rows * docs);
  for (let b = 0; b < rows; b++) {
    const row = teacher.subarray(b * docs, (b + 1) * docs);
    labels[b * docs + row.indexOf(Math.max(...row))] = 1;
  }
  // One thread a process: the processes share the machine's cores among them.
  const loss = prepare('klLogL', { shape: [rows, docs], reduction: 'sum', threads: 1 });
  return (w) => {
    for (let at = 0; at < student.length; at++) student[at] = score(w, at);
    const { loss: sum, grad, counted } = loss.run({ student, teacher, labels });
    const gradient = new Float64Array(features);
    for (let at = 0; at < student.length; at++) {
      for (let k = 0; k < features; k++) gradient[k] += grad[at] * x[at * features + k];
    }
    return { sum, counted, gradient };
  };
}

/** Gradient descent; `parts` are functions that give (or promise) a part's sums. */
async function train(parts) {
  const w = new Float64Array(features);
  let loss = NaN;
  for (let step = 0; step < steps; step++) {
    const sums = await Promise.all(parts.map((part) => part(w)));
    const counted = sums.reduce((total, part) => total + part.counted, 0);
    loss = sums.reduce((total, part) => total + part.sum, 0) / counted;
    for (const { gradient } of sums) gradient.forEach((g, k) => (w[k] -= (0.5 * g) / counted));
  }
  return { w, loss };
}

/** A process that owns queries `begin` to `end`. */
function startProcess(begin, end) {
  const child = fork(fileURLToPath(import.meta.url), [String(begin), String(end)], {
    serialization: 'advanced',
  });
  const part = (w) =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`a process ended with ${code}`)));
      child.send(w);
    }).finally(() => child.removeAllListeners('exit'));
  return { part, stop: () => child.disconnect() };
}

if (process.send === undefined) {
  const single = await train([makePart(0, queries)]);
  const processes = [startProcess(0, queries / 2), startProcess(queries / 2, queries)];
  const parallel = await train(processes.map(({ part }) => part));
  processes.forEach(({ stop }) => stop());
  const difference = Math.max(...single.w.map((value, k) => Math.abs(value - parallel.w[k])));
  console.log(`one process: loss ${single.loss.toFixed(6)}; two processes: loss ${parallel.loss.toFixed(6)}`);
  console.log(`largest difference of the parameters: ${difference.toExponential(1)}`);
} else {
  const part = makePart(Number(process.argv[2]), Number(process.argv[3]));
  process.on('message', (w) => process.send(part(w)));
}
