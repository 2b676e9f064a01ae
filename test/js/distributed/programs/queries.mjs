// A loss of queries that are spread over MPI's ranks; writes the bits of its loss and of this rank's gradients into a folder, in a file per rank.
// `alone`: without a group.
import { prepare } from 'ckl-loss';
import { mpi } from 'ckl-loss/distributed';
import { writeFileSync } from 'node:fs';

const world = mpi();
const [queries, docs] = [12, 50];
const [from, to] = [0, 1].map((k) => Math.floor(((world.rank + k) * queries) / world.size));
const number = (k) => Math.fround(3 * Math.sin(12.9898 * (k + 1)));
const make = (seed) =>
  Float32Array.from({ length: (to - from) * docs }, (_, at) => number(seed + at + from * docs));
const batch = {
  student: make(0),
  teacher: make(1e6),
  labels: Uint8Array.from(make(2e6), (x, at) => (at % docs === 0 || x > 2.5 ? 1 : 0)),
  weights: Float32Array.from({ length: to - from }, (_, b) => Math.abs(number(from + b))),
};
const group = process.argv[3] === 'alone' ? undefined : world;
const { loss, grad } = prepare('ckl', { shape: [to - from, docs], group }).run(batch);
const hex = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
writeFileSync(
  `${process.argv[2]}/${world.rank}.json`,
  JSON.stringify({ loss: hex(Float64Array.of(loss)), grad: hex(grad) }),
);
