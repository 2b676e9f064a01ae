// Data parallel training: every rank holds a part of the queries, and the loss and its gradients are of the mean over the queries of all.
// The ranks are two worker threads of this process, or the processes that mpirun starts:
//   node examples/data-parallel.mjs
//   mpirun -np 4 node examples/data-parallel.mjs
import { prepare } from 'ckl-loss';
import { joinThreads, mpi, threads } from 'ckl-loss/distributed';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const [queries, docs, features, steps] = [64, 16, 8, 60];

/** Query b's document i, feature k: the same numbers on every rank. */
const feature = (b, i, k) => Math.sin((b * 131 + i * 17 + k * 7 + 1) * 12.9898);
const truth = Float64Array.from({ length: features }, (_, k) => (k % 2 === 0 ? 1 : -0.5));
const scoreOf = (w, x) => x.reduce((sum, value, k) => sum + w[k] * value, 0);

/** Trains a linear student by gradient descent on this rank's part of the queries; without a group, on all of them. */
function train(group) {
  const { rank, size } = group ?? { rank: 0, size: 1 };
  const [begin, end] = [rank, rank + 1].map((part) => Math.floor((part * queries) / size));
  const documents = Array.from({ length: (end - begin) * docs }, (_, at) =>
    Float64Array.from({ length: features }, (_, k) => feature(begin + Math.floor(at / docs), at % docs, k)),
  );
  const student = new Float32Array(documents.length);
  const teacher = Float32Array.from(documents, (x) => 2 * scoreOf(truth, x));
  const labels = new Uint8Array(documents.length);
  for (let at = 0; at < labels.length; at += docs) {
    const row = teacher.subarray(at, at + docs);
    labels[at + row.indexOf(Math.max(...row))] = 1;
  }
  // One thread per rank: the ranks share the machine's cores among them.
  const loss = prepare('klLogL', { shape: [end - begin, docs], group, threads: 1 });
  const w = new Float64Array(features);
  let mean = NaN;
  for (let step = 0; step < steps; step++) {
    documents.forEach((x, at) => (student[at] = scoreOf(w, x)));
    const { loss: all, grad } = loss.run({ student, teacher, labels });
    const own = Float64Array.from(w, (_, k) => documents.reduce((sum, x, at) => sum + grad[at] * x[k], 0));
    // The gradients of the ranks add up to that of the whole batch, with the same bits on every rank.
    const gradient = group ? group.allReduce(own) : own;
    gradient.forEach((g, k) => (w[k] -= 0.5 * g));
    mean = all;
  }
  loss.dispose();
  return { w, loss: mean };
}

function report(group, { w, loss }) {
  const single = train(undefined);
  const difference = Math.max(...single.w.map((value, k) => Math.abs(value - w[k])));
  console.log(`one process: loss ${single.loss.toFixed(6)}; ${group.size} ranks: loss ${loss.toFixed(6)}`);
  console.log(`largest difference of the parameters: ${difference.toExponential(1)}`);
}

const launched = 'OMPI_COMM_WORLD_SIZE' in process.env || 'PMI_SIZE' in process.env;
if (!isMainThread) {
  train(joinThreads(workerData));
} else if (launched) {
  const world = mpi();
  const trained = train(world);
  if (world.rank === 0) report(world, trained);
} else {
  const [own, ...others] = threads(2);
  for (const seat of others) new Worker(new URL(import.meta.url), { workerData: seat });
  const group = joinThreads(own);
  report(group, train(group));
}
