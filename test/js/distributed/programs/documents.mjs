// A loss of lists that are spread over MPI's ranks in whole chunks; writes the bits of its loss and of this rank's gradients into a folder, in a
// file per rank: launchers mix long lines of ranks. `alone`: without a group.
import { prepare } from 'ckl-loss';
import { mpi } from 'ckl-loss/distributed';
import { writeFileSync } from 'node:fs';

const world = mpi();
const [queries, documents, chunk] = [3, 4 * 4096 + 100, 4096];
const chunks = Math.ceil(documents / chunk);
const [begin, end] = [0, 1].map((k) =>
  Math.min(documents, chunk * Math.floor(((world.rank + k) * chunks) / world.size)),
);
const docs = end - begin;
const make = (seed) =>
  Float32Array.from({ length: queries * docs }, (_, at) => {
    const place = Math.floor(at / docs) * documents + begin + (at % docs);
    return 3 * Math.sin(12.9898 * (seed + place));
  });
const batch = {
  student: make(1),
  teacher: make(1e6),
  labels: Uint8Array.from(make(2e6), (x) => (x > 2.99 ? 1 : 0)),
};
const shard = process.argv[3] === 'alone' ? undefined : { group: world, begin, documents };
const { loss, grad } = prepare('ckl', { shape: [queries, docs], shard }).run(batch);
const hex = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
const grads = Array.from({ length: queries }, (_, b) => hex(grad.subarray(b * docs, (b + 1) * docs)));
writeFileSync(
  `${process.argv[2]}/${world.rank}.json`,
  JSON.stringify({ loss: hex(Float64Array.of(loss)), grads }),
);
