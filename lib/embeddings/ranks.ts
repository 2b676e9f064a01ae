// Exchanges embeddings and gradients between the ranks of a group: gathered, around the ring, one rank's at a
// time, and columns to their owners.
import type { Communicator, Group } from '../communicator.js';
import { CklTypeError } from '../errors.js';
import { largest } from '../extremes.js';
import { allocate } from '../loss/arrays.js';
import { ranksOf, Steps } from '../loss/exchange.js';
import { carry, numbersOf, uncarried } from './carry.js';
import type { Vectors } from './vectors.js';

type Carried = Float32Array | Uint16Array;
type Visitor = (slice: Vectors, rank: number) => void;

/** The counts of every rank. */
export interface Counts {
  queries: readonly number[];
  documents: readonly number[];
}

/** How ranks reach each other. */
export interface Links {
  group: Group;
  given: Communicator;
  /** Whether the group can send from one rank to another; otherwise all broadcast or gather. */
  sends: boolean;
}

/** @param visits whether slices will visit other ranks, which a group without `broadcast` cannot do */
export function linksOf(group: Group, given: Communicator, visits: boolean): Links {
  if (visits && typeof given.broadcast !== 'function') {
    throw new CklTypeError('ERR_CKL_OPTION', "across is 'ring', and group has no method broadcast");
  }
  return { group, given, sends: typeof given.sendReceive === 'function' };
}

/**
 * The exchanges of one run. A rank whose step fails still takes part in them, sending whatever it has,
 * because the others wait for it.
 */
export class Ranks {
  /** What the rank does between exchanges. */
  readonly steps = new Steps();
  /**
   * Buffer for what this rank sends; allocated before the first exchange, so that it exists if a step fails.
   */
  private readonly memory: Float64Array;

  constructor(
    private readonly links: Links,
    /** Numbers per vector. */
    private readonly dim: number,
    private readonly counts: Counts,
    own: { queries: Vectors; documents: Vectors },
  ) {
    const [queries, documents] = [largest(counts.queries), largest(counts.documents)];
    const lengths = [
      numbersOf(own.queries.native, queries * dim),
      numbersOf(own.documents.native, documents * dim),
      numbersOf(float, documents * Math.max(1, queries)), // of a bias, or of dL/dscore
    ];
    this.memory = allocate(Float64Array, largest(lengths), 'a message');
  }

  private message(like: Carried, length: number): Float64Array {
    return this.memory.subarray(0, numbersOf(like, length));
  }

  /** The arrays of all ranks, concatenated. */
  gather<T extends Carried>(own: T, counts: readonly number[], dim: number): T {
    const { steps, links } = this;
    const sent = this.message(own, largest(counts) * dim);
    steps.do(() => carry(own, sent));
    const parts = ranksOf(links.group.gather(sent), links.group.size);
    let all = own; // which nothing reads after a failure
    steps.do(() => {
      all = allocate(own.constructor as new (length: number) => T, sum(counts) * dim, 'documents');
      let at = 0;
      parts.forEach((part, r) => {
        all.set(uncarried(part, own, counts[r] * dim), at);
        at += counts[r] * dim;
      });
    });
    return all;
  }

  /**
   * Visits the vectors of every rank, beginning with this one's: each rank passes on to the next what it
   * received from the one before.
   */
  ring(own: Vectors, counts: readonly number[], visit: Visitor): void {
    const { steps, links, dim } = this;
    const { rank, size } = links.group;
    if (!links.sends) return this.inTurn(own, counts, visit);
    const sent = this.message(own.native, largest(counts) * dim);
    steps.do(() => {
      carry(own.native, sent);
      visit(own, rank);
    });
    for (let step = 1, here = sent; step < size; step++) {
      const r = (rank + size - step) % size;
      const came = (here = links.given.sendReceive!(here, (rank + 1) % size, (rank + size - 1) % size));
      steps.do(() => visit(withNative(own, uncarried(came, own.native, counts[r] * dim), counts[r]), r));
    }
  }

  /**
   * The same, in the order of ranks on every rank: sums over all slices then have the bits of one process,
   * which they would not if every rank had another order.
   */
  inTurn(own: Vectors, counts: readonly number[], visit: Visitor): void {
    const { steps, links, dim } = this;
    const sent = this.message(own.native, largest(counts) * dim);
    steps.do(() => carry(own.native, sent));
    for (let r = 0; r < links.group.size; r++) {
      const came = links.given.broadcast(sent, r);
      const mine = r === links.group.rank;
      steps.do(() =>
        visit(mine ? own : withNative(own, uncarried(came, own.native, counts[r] * dim), counts[r]), r),
      );
    }
  }

  /**
   * Each rank gets dL/dscore of its own documents, for the queries of all ranks in order. If the group can
   * send from rank to rank, a rank receives only those of its own documents, otherwise those of all.
   */
  columns(grad: Float32Array, begins: readonly number[], total: number): Float32Array {
    const { steps, links } = this;
    const { group, given, sends } = links;
    const { rank, size } = group;
    const { queries, documents } = this.counts;
    const firsts = queries.map((_, r) => sum(queries.slice(0, r)) * documents[rank]);
    /**
     * A message with dL/dscore of this rank's queries and another rank's documents, with room for `queries`
     * queries.
     */
    const of = (owner: number, rows: number): Float64Array => {
      const width = documents[owner];
      const sent = this.message(grad, rows * width);
      steps.do(() => {
        const own = uncarried(sent, grad, queries[rank] * width);
        for (let b = 0; b < queries[rank]; b++) {
          const from = b * total + begins[owner];
          own.set(grad.subarray(from, from + width), b * width);
        }
      });
      return sent;
    };
    let columns = grad; // which nothing reads after a failure
    steps.do(() => (columns = allocate(Float32Array, sum(queries) * documents[rank], 'grad')));
    const take = (part: Float64Array, r: number): void =>
      steps.do(() => columns.set(uncarried(part, grad, queries[r] * documents[rank]), firsts[r]));
    if (!sends) {
      for (let owner = 0; owner < size; owner++) {
        const parts = ranksOf(group.gather(of(owner, largest(queries))), size);
        if (owner === rank) parts.forEach(take);
      }
      return columns;
    }
    take(of(rank, queries[rank]), rank);
    for (let step = 1; step < size; step++) {
      const [to, from] = [(rank + step) % size, (rank + size - step) % size];
      const length = numbersOf(grad, queries[from] * documents[rank]);
      take(given.sendReceive!(of(to, queries[rank]), to, from, length), from);
    }
    return columns;
  }
}

const float = new Float32Array(0);

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const withNative = (like: Vectors, native: Vectors['native'], count: number): Vectors => ({
  ...like,
  native,
  rows: count,
  count,
});
