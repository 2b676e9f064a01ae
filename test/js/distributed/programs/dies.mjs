// A rank dies while the others wait for it: by an error, by a signal, or by process.exit.
import { mpi } from 'ckl-loss/distributed';

const world = mpi();
world.barrier();
if (world.rank === world.size - 1) {
  if (process.argv[2] === 'error') throw new Error('this rank fails');
  if (process.argv[2] === 'kill') process.kill(process.pid, 'SIGKILL');
  if (process.argv[2] === 'exit') process.exit(7);
}
world.allGather(Float64Array.of(1));
world.allGather(Float64Array.of(2));
process.stdout.write('not reached\n');
