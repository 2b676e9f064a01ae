// Processes that run one training together: each has the whole student and takes the same steps, and they
// divide the work of a step and of evaluations among themselves.
import type { Communicator } from '../../communicator.js';
import { largest } from '../../extremes.js';
import type { CandidateList } from './candidates.js';
import { scoresOf } from './rerank.js';
import type { Student } from './student.js';

export class Team {
  readonly rank: number;
  readonly size: number;
  private readonly controller = new AbortController();

  /** @param own aborted in this process; {@link signal} is aborted once all ranks know of it */
  constructor(
    private readonly world: Communicator,
    private readonly own: AbortSignal,
  ) {
    this.rank = world.rank;
    this.size = world.size;
  }

  /** Aborted on all ranks between the same two steps. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Called on every rank before each step: an interruption of one interrupts all. */
  agree(): void {
    const aborted = this.world.allGather(Float64Array.of(Number(this.own.aborted)));
    if (aborted.includes(1)) this.controller.abort(this.own.reason);
  }

  barrier(): void {
    this.world.barrier();
  }

  isOwn(place: number): boolean {
    return place % this.size === this.rank;
  }

  /** The arrays of all ranks, which may be of different lengths. */
  gather(values: Float64Array): Float64Array[] {
    const { world, size } = this;
    const lengths = world.allGather(Float64Array.of(values.length));
    const longest = largest(lengths);
    const padded = new Float64Array(longest);
    padded.set(values);
    const all = world.allGather(padded);
    return Array.from({ length: size }, (_, rank) =>
      all.subarray(rank * longest, rank * longest + lengths[rank]),
    );
  }

  /** Numbers for each of some items, of which each rank computes a part: returns all of them, in order. */
  share(lengths: readonly number[], make: (item: number) => ArrayLike<number>): Float64Array[] {
    const own = lengths.flatMap((_, item) => (this.isOwn(item) ? Array.from(make(item)) : []));
    const parts = this.gather(Float64Array.from(own));
    const read = parts.map(() => 0);
    return lengths.map((length, item) => {
      const rank = item % this.size;
      const from = read[rank];
      read[rank] += length;
      return parts[rank].subarray(from, from + length);
    });
  }
}

/**
 * The student's scores of lists, divided among the ranks of a team; without a team, each list is scored on
 * demand.
 */
export function dealtScores<L extends CandidateList>(
  student: Student<L>,
  lists: readonly L[],
  team: Team | undefined,
): (list: L) => ArrayLike<number> {
  const score = scoresOf(student);
  if (!team) return score;
  const lengths = lists.map(({ docids }) => docids.length);
  const all = team.share(lengths, (place) => score(lists[place]));
  const places = new Map(lists.map((list, place) => [list, place]));
  return (list) => all[places.get(list)!];
}
