// A command under mpirun: the ranks that a launcher started, and the one that prints and writes.
import type { Communicator } from '../../communicator.js';
import { mpi } from '../../distributed/index.js';
import { launcherOf } from '../../distributed/launcher.js';
import { Team } from '../training/team.js';
import type { Output } from './progress.js';

/** The ranks that a launcher started, this process among them; undefined for a process by itself. */
export function worldOf(variables: NodeJS.ProcessEnv): Communicator | undefined {
  const launcher = launcherOf(variables);
  return launcher !== null && launcher.size > 1 ? mpi() : undefined;
}

/** Ranks that run a training together. */
export function teamOf(variables: NodeJS.ProcessEnv, interruption: AbortSignal): Team | undefined {
  const world = worldOf(variables);
  return world && new Team(world, interruption);
}

/** Where ranks other than the first write. */
export const silent: Output = { write: () => true };
