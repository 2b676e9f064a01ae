// Every method of mpi(), once; prints what came out, as a line of JSON.
import { mpi } from 'ckl-loss/distributed';
import { hostname } from 'node:os';

const { rank, size, version, file } = mpi();
const world = mpi();
const own = Float64Array.of(rank, -0, NaN, 1e300 * (rank + 1));
const gathered = world.allGather(own);
// 0.1 + 0.2 + ... in the order of ranks, over several messages.
const long = new Float64Array(1_200_000).fill(0.1 * (rank + 1));
const sum = world.allReduce(long);
const out = {
  rank,
  size,
  host: hostname(),
  version,
  file,
  gathered: Array.from(gathered, (x) => (Object.is(x, -0) ? '-0' : String(x))),
  untouched: own[0] === rank && own.length === 4,
  sums: [sum[0], sum[600_000], sum[1_199_999]],
  least: world.allReduce(Float64Array.of(rank, -rank), 'min')[1] + 0,
  most: world.allReduce(Float64Array.of(rank, -rank), 'max')[0],
  broadcast: [...world.broadcast(Float64Array.of(rank, 7), size - 1)],
  // Around the ring, and of lengths that differ by rank.
  received: [
    ...world.sendReceive(
      new Float64Array(rank + 1).fill(rank),
      (rank + 1) % size,
      (rank + size - 1) % size,
      ((rank + size - 1) % size) + 1,
    ),
  ],
  nothing: world.allGather(new Float64Array(0)).length,
  memoryEvents: process.env.UCX_MEM_EVENTS,
  errors: [],
};
for (const wrong of [
  () => world.allGather([1]),
  () => world.broadcast(own, size),
  () => world.allReduce(own, 'product'),
]) {
  try {
    wrong();
  } catch ({ code, message }) {
    out.errors.push(`${code}: ${message}`);
  }
}
world.barrier();
process.stdout.write(`${JSON.stringify(out)}\n`);
