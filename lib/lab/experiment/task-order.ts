// Chooses a thread's next unit: units that share a warm-up are best run by one thread, which keeps it.
import type { Unit } from './plan.js';

/** A unit with its place among `unitsOf`. */
export interface UnitTask {
  place: number;
  unit: Unit;
}

/** Of tasks that share a warm-up, the same text. */
export const groupOf = ({ unit: { model, condition, fold } }: UnitTask): string =>
  JSON.stringify([model, condition.name, fold]);

/**
 * The place among the tasks of the one that a thread does next: one that shares a warm-up with its last, else the first of those that no thread
 * has begun with, else the last, as whoever began comes to it last. -1 where there is none.
 */
export function nextTask(
  last: UnitTask | undefined,
  tasks: readonly UnitTask[],
  begun: ReadonlySet<string>,
): number {
  const own = last ? tasks.findIndex((task) => groupOf(task) === groupOf(last)) : -1;
  if (own >= 0) return own;
  const fresh = tasks.findIndex((task) => !begun.has(groupOf(task)));
  return fresh >= 0 ? fresh : tasks.length - 1;
}
