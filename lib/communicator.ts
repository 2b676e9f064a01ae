// The interface of a group of processes or threads: anything that can gather a few numbers from all members.
// lib/distributed implements it; users can supply their own.
import { describe } from './describe.js';
import { CklTypeError } from './errors.js';

/**
 * The ranks of a group, which compute together. Every method is called by all ranks, in the same order, and
 * returns when all have called it. The methods must preserve bits exactly, including NaN and -0.
 */
export interface Communicator {
  /** This member's number, 0 to `size - 1`. */
  readonly rank: number;
  /** The number of members. */
  readonly size: number;
  /** The arrays of all ranks, concatenated in the order of ranks. They must have the same length. */
  allGather(values: Float64Array): Float64Array;
  /**
   * The elementwise sum, minimum or maximum of the arrays of all ranks, taken in the order of ranks. They
   * must have the same length.
   */
  allReduce(values: Float64Array, operation?: ReduceOperation): Float64Array;
  /** Rank `root`'s array, on every rank. All arrays must have the same length; `root` is 0 by default. */
  broadcast(values: Float64Array, root?: number): Float64Array;
  /** Returns when all ranks have called it. */
  barrier(): void;
  /**
   * Optional. Sends `values` to rank `to`, and returns the `length` numbers (default: as many as `values`
   * has) that rank `from` sends in the same call. Every rank sends to one rank and receives from one, which
   * may be itself. With this method, `ckl-loss/embeddings` transfers fewer bytes across ranks.
   */
  sendReceive?(values: Float64Array, to: number, from: number, length?: number): Float64Array;
}

export type ReduceOperation = 'sum' | 'min' | 'max';

/** The part of a communicator that a loss uses when its queries are spread over ranks. */
export type Gatherer = Pick<Communicator, 'rank' | 'size' | 'allGather'>;

/** The parts of a communicator that a loss needs, each property read once. */
export interface Group {
  readonly rank: number;
  readonly size: number;
  gather(values: Float64Array): Float64Array;
}

/** Reads a communicator. `name` is the option, for errors. */
export function readGroup(value: unknown, name: string): Group {
  if (typeof value !== 'object' || value === null) throw noCommunicator(name, describe(value));
  const { rank, size, allGather } = value as Communicator;
  if (!Number.isInteger(size) || size < 1) throw noCommunicator(name, `has size ${describe(size)}`);
  if (!Number.isInteger(rank) || rank < 0 || rank >= size) {
    throw noCommunicator(name, `has rank ${describe(rank)} of ${size}`);
  }
  if (typeof allGather !== 'function') throw noCommunicator(name, 'has no method allGather');
  return {
    rank,
    size,
    gather: (values) => {
      const gathered: unknown = allGather.call(value, values);
      if (gathered instanceof Float64Array && gathered.length === size * values.length) return gathered;
      throw new CklTypeError(
        'ERR_CKL_GROUP',
        `${name}.allGather returned ${gathered instanceof Float64Array ? `${gathered.length} numbers` : describe(gathered)}; ` +
          `it must return a Float64Array of ${size} times the ${values.length} numbers that it was given`,
      );
    },
  };
}

function noCommunicator(name: string, found: string): Error {
  return new CklTypeError(
    'ERR_CKL_OPTION',
    `${name} ${/^has /.test(found) ? found : `is ${found}`}; it must be a Communicator: { rank, size, allGather, ... }, such as mpi() of ckl-loss/distributed`,
  );
}
