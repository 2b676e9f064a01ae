// Documents of all of MPI's ranks as negatives of each rank's queries; writes the bits of the loss and of this rank's gradients into a folder, in
// a file per rank. `alone`: without a group.
import { prepare } from 'ckl-loss/embeddings';
import { mpi } from 'ckl-loss/distributed';
import { writeFileSync } from 'node:fs';

const world = mpi();
const [folder, across] = process.argv.slice(2);
const [queries, documents, dim] = [21, 130, 48];
const part = (count) =>
  [0, 1].map((k) => (across === 'alone' ? k * count : Math.floor(((world.rank + k) * count) / world.size)));
const [[firstQuery, lastQuery], [firstDocument, lastDocument]] = [part(queries), part(documents)];
const vectors = (first, last, seed) =>
  Float32Array.from({ length: (last - first) * dim }, (_, k) => Math.sin(12.9898 * (seed + first * dim + k)));
const count = lastQuery - firstQuery;
const batch = {
  queries: vectors(firstQuery, lastQuery, 1),
  documents: vectors(firstDocument, lastDocument, 1e6),
  // The same document whichever rank has it: its place in the whole.
  labels: new Uint8Array(count * documents),
  teacher: new Float32Array(count * documents),
};
for (let b = 0; b < count; b++) {
  for (let m = 0; m < documents; m++) batch.teacher[b * documents + m] = Math.sin((b + firstQuery) * 7 + m);
  batch.labels[b * documents + (((b + firstQuery) * 5) % documents)] = 1;
}
const options = across === 'alone' ? { inBatch: true } : { across, group: world };
const loss = prepare('ckl', { ...options, dim, scale: 4, similarity: 'cosine', shape: [count, documents] });
const { loss: value, queryGrad, documentGrad } = loss.run(batch);
const hex = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
writeFileSync(
  `${folder}/${world.rank}.json`,
  JSON.stringify({
    loss: hex(Float64Array.of(value)),
    queryGrad: hex(queryGrad),
    documentGrad: hex(documentGrad),
  }),
);
