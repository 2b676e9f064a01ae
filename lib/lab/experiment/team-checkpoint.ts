// The checkpoint of a training that several processes run together: rank 0 writes it, and all go on from it, however many they are.
import { setTimeout } from 'node:timers/promises';
import type { Team } from '../training/team.js';
import { Checkpoint, type CheckpointFiles, type CheckpointOf } from './checkpoint.js';
import { LockedError } from './lock.js';

/** Milliseconds within which the processes of a dead job release its checkpoint. */
const PATIENCE = 5000;

/** {@link Checkpoint.open} on rank 0; the others read what it has, and write nothing. All need to see the file. */
export async function openWithTeam(
  files: CheckpointFiles,
  of: CheckpointOf,
  team: Team | undefined,
): Promise<Checkpoint | undefined> {
  if (!team || (files.checkpoint ?? files.resume) === undefined) return Checkpoint.open(files, of);
  // No rank reads before the file is complete, and none adds to it before all have read.
  let opened: Checkpoint | undefined;
  if (team.rank === 0) opened = await openWhenFree(files, of);
  team.barrier();
  if (team.rank > 0) {
    const { checkpointEvery, resume = files.checkpoint } = files;
    opened = await Checkpoint.open({ resume, checkpointEvery }, of);
  }
  team.barrier();
  return opened;
}

/** A launcher may end before the last of its ranks, and the next job may start at once. */
async function openWhenFree(files: CheckpointFiles, of: CheckpointOf): Promise<Checkpoint | undefined> {
  for (const end = performance.now() + PATIENCE; ; await setTimeout(100)) {
    try {
      return await Checkpoint.open(files, of);
    } catch (error) {
      if (!((error as Error).cause instanceof LockedError) || performance.now() >= end) throw error;
    }
  }
}
