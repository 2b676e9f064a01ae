// 10,000 exchanges of each kind; prints by how much memory grew over the last 8,000 of them.
import { mpi } from 'ckl-loss/distributed';

const world = mpi();
const values = new Float64Array(2000).fill(world.rank);
let before = 0;
for (let k = 0; k < 10_000; k++) {
  if (k === 2_000) {
    globalThis.gc();
    before = process.memoryUsage().rss;
  }
  const all = world.allGather(values);
  if (all[2000 * (world.size - 1)] !== world.size - 1) throw new Error('wrong numbers');
  const previous = (world.rank + world.size - 1) % world.size;
  const came = world.sendReceive(values, (world.rank + 1) % world.size, previous);
  if (came[1999] !== previous) throw new Error('wrong numbers');
}
globalThis.gc();
const grown = process.memoryUsage().rss - before;
process.stdout.write(`${JSON.stringify({ rank: world.rank, grown })}\n`);
