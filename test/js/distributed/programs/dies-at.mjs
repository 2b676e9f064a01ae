// The last rank dies in place of its n-th exchange, while the others wait in theirs: `queries`, `documents`, or embeddings by `gather` or `ring`.
import { prepare } from 'ckl-loss';
import { prepare as prepareEmbeddings } from 'ckl-loss/embeddings';
import { mpi } from 'ckl-loss/distributed';

const world = mpi();
const [form, last] = process.argv.slice(2);
let exchanges = 0;
const counted =
  (name) =>
  (...args) => {
    if (world.rank === world.size - 1 && exchanges++ === Number(last)) process.kill(process.pid, 'SIGKILL');
    return world[name](...args);
  };
const { rank, size } = world;
const group = { rank, size };
for (const name of ['allGather', 'broadcast', 'sendReceive']) group[name] = counted(name);

const scores = (length) => Float32Array.from({ length }, (_, k) => Math.sin(k + rank));
const batch = { student: scores(8), teacher: scores(8), labels: Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0) };
const shape = [2, 4];
if (form === 'queries') {
  prepare('kl', { shape, group }).run({ ...batch, weights: Float32Array.of(1, 2) });
} else if (form === 'documents') {
  prepare('kl', { shape, shard: { group, begin: 4 * rank, documents: 4 * size } }).run(batch);
} else {
  const loss = prepareEmbeddings('nll', { dim: 4, shape: [2, 2 * size], group, across: form });
  loss.run({
    queries: scores(8),
    documents: scores(8),
    own: Int32Array.of(0, 1),
    labels: Uint8Array.of(1, 1),
  });
}
world.barrier();
process.stdout.write(`${JSON.stringify({ rank, exchanges })}\n`);
