// How embeddings and gradients travel between the ranks of a group: gathered, around the ring, one rank's at a time, and columns to their owners.
import type { Communicator, Group } from '../communicator.js';
import { CklTypeError } from '../errors.js';
import { largest } from '../extremes.js';
import { allocate } from '../loss/arrays.js';
import { ranksOf } from '../loss/exchange.js';
import { carried, uncarried } from './carry.js';
import type { Vectors } from './vectors.js';

type Carried = Float32Array | Uint16Array;
type Visitor = (slice: Vectors, rank: number) => void;

/** Counts of every rank. */
export interface Counts {
  queries: readonly number[];
  documents: readonly number[];
}

export class Ranks {
  /** Whether the group can send from one rank to another; else all broadcast or gather. */
  readonly sends: boolean;

  /** @param visits whether slices will visit other ranks, which a group without `broadcast` cannot do */
  constructor(
    private readonly group: Group,
    private readonly given: Communicator,
    /** Numbers of a vector. */
    private readonly dim: number,
    visits: boolean,
  ) {
    this.sends = typeof given.sendReceive === 'function';
    if (!visits || typeof given.broadcast === 'function') return;
    throw new CklTypeError('ERR_CKL_OPTION', "across is 'ring', and group has no method broadcast");
  }

  /** Arrays of all ranks, one after the other. */
  gather<T extends Carried>(own: T, counts: readonly number[], dim: number): T {
    const parts = ranksOf(this.group.gather(carried(own, largest(counts) * dim)), this.group.size);
    const all = allocate(own.constructor as new (length: number) => T, sum(counts) * dim, 'documents');
    let at = 0;
    parts.forEach((part, r) => {
      all.set(uncarried(part, own, counts[r] * dim), at);
      at += counts[r] * dim;
    });
    return all;
  }

  /** Visits the vectors of every rank, beginning with this one's: each passes on to the next rank what came from the one before. */
  ring(own: Vectors, counts: readonly number[], visit: Visitor): void {
    const { rank, size } = this.group;
    if (!this.sends) return this.inTurn(own, counts, visit);
    const { dim } = this;
    let here = carried(own.native, largest(counts) * dim);
    visit(own, rank);
    for (let step = 1; step < size; step++) {
      const r = (rank + size - step) % size;
      here = this.given.sendReceive!(here, (rank + 1) % size, (rank + size - 1) % size);
      visit(withNative(own, uncarried(here, own.native, counts[r] * dim), counts[r]), r);
    }
  }

  /**
   * The same, on every rank in the order of ranks: sums over all slices then have the bits of one process, which slices that come in another
   * order on each rank would not give.
   */
  inTurn(own: Vectors, counts: readonly number[], visit: Visitor): void {
    const { dim } = this;
    for (let r = 0; r < this.group.size; r++) {
      const mine = r === this.group.rank;
      const came = this.given.broadcast(
        carried(mine ? own.native : own.native.subarray(0, 0), largest(counts) * dim),
        r,
      );
      visit(mine ? own : withNative(own, uncarried(came, own.native, counts[r] * dim), counts[r]), r);
    }
  }

  /**
   * Each rank gets dL/dscore of its own documents, of the queries of all ranks in their order. From each rank to each where the group sends: a
   * rank then receives its own documents' alone, and else everybody's.
   */
  columns(grad: Float32Array, counts: Counts, begins: readonly number[], total: number): Float32Array {
    const { rank, size } = this.group;
    const { queries, documents } = counts;
    const columns = allocate(Float32Array, sum(queries) * documents[rank], 'grad');
    const firsts = queries.map((_, r) => sum(queries.slice(0, r)) * documents[rank]);
    /** dL/dscore of this rank's queries and a rank's documents. */
    const of = (owner: number): Float32Array => {
      const width = documents[owner];
      const own = new Float32Array(queries[rank] * width);
      for (let b = 0; b < queries[rank]; b++) {
        const from = b * total + begins[owner];
        own.set(grad.subarray(from, from + width), b * width);
      }
      return own;
    };
    const take = (part: Float64Array, r: number): void =>
      columns.set(uncarried(part, grad, queries[r] * documents[rank]), firsts[r]);
    if (!this.sends) {
      for (let owner = 0; owner < size; owner++) {
        const parts = ranksOf(
          this.group.gather(carried(of(owner), largest(queries) * documents[owner])),
          size,
        );
        if (owner === rank) parts.forEach(take);
      }
      return columns;
    }
    columns.set(of(rank), firsts[rank]);
    for (let step = 1; step < size; step++) {
      const [to, from] = [(rank + step) % size, (rank + size - step) % size];
      const own = of(to);
      const length = Math.ceil((queries[from] * documents[rank]) / 2);
      take(this.given.sendReceive!(carried(own, own.length), to, from, length), from);
    }
    return columns;
  }
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const withNative = (like: Vectors, native: Vectors['native'], count: number): Vectors => ({
  ...like,
  native,
  rows: count,
  count,
});
