// The ranks of a group in one thread, for tests of what they tell each other.
import type { Communicator } from '../../../lib/communicator';

/**
 * What the ranks of a group find. They take turns: a rank that wants what others have not sent yet is asked again from the beginning, by when
 * all have sent it.
 */
export function onRanks<T>(size: number, work: (rank: number, world: Communicator) => T): T[] {
  const sent: Float64Array[][] = [];
  const waiting = new Error('not all have sent');
  for (;;) {
    const found = Array.from({ length: size }, (_, rank) => {
      let call = 0;
      const world = {
        rank,
        size,
        allGather(values: Float64Array) {
          const all = (sent[call++] ??= []);
          all[rank] ??= values.slice();
          if (Object.keys(all).length < size) throw waiting;
          return Float64Array.from(all.flatMap((part) => [...part]));
        },
      } as unknown as Communicator;
      try {
        return { value: work(rank, world) };
      } catch (error) {
        if (error !== waiting) throw error;
        return undefined;
      }
    });
    if (found.every((one) => one !== undefined)) return found.map((one) => one!.value);
  }
}
