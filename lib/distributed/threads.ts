// Worker threads of one process as the ranks of a group, over shared memory.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import type { Communicator, ReduceOperation } from '../communicator.js';
import { checkRank, checkSending, checkValues } from './arguments.js';
import { reduceInOrder } from './reduce.js';

export interface ThreadOptions {
  /** Numbers that a rank exchanges at once; longer arrays are split. Default 65536 (512 KiB per rank). */
  capacity?: number;
  /** How long a rank waits for the others before it gives up the group, in milliseconds. Default 600,000. */
  timeout?: number;
}

/** A rank's place in a group of threads. It can be cloned: pass it to its thread as `workerData` or in a message. */
export interface ThreadSeat {
  readonly rank: number;
  readonly size: number;
  readonly capacity: number;
  readonly timeout: number;
  /** @internal */
  readonly control: SharedArrayBuffer;
  /** @internal */
  readonly data: SharedArrayBuffer;
}

/** Places in `control`, an Int32Array. They are followed by each rank's description of its exchange: Told. */
const enum Control {
  arrived = 0,
  round = 1,
  /** 1 + the rank that gave up the group; negative if it waited too long. */
  broken = 2,
  told = 3,
}

/**
 * The number of numbers that a rank sends; the rank it receives from (-1: from all, which then send equally
 * many); the number it receives from one rank.
 */
const enum Told {
  sent = 0,
  from = 1,
  taken = 2,
  size = 3,
}

/**
 * A group of `n` threads: a seat for each rank. Every thread passes its seat to `joinThreads`, including the
 * calling thread if it takes part. Meant for tests, and for jobs on one machine without MPI.
 */
export function threads(n: number, options: ThreadOptions = {}): ThreadSeat[] {
  const { capacity = 65536, timeout = 600_000 } = options;
  whole('n', n, 1, 1024);
  whole('capacity', capacity, 1, 2 ** 27);
  whole('timeout', timeout, 1, 2 ** 31 - 1);
  const control = new SharedArrayBuffer(4 * (Control.told + Told.size * n));
  const data = new SharedArrayBuffer(8 * capacity * n);
  return Array.from({ length: n }, (_, rank) => ({ rank, size: n, capacity, timeout, control, data }));
}

function whole(name: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw new CklRangeError(
    'ERR_CKL_OPTION',
    `${name} is ${describe(value)}; it must be a whole number from ${least} to ${most}`,
  );
}

/** The communicator of a seat, for the thread that uses it. */
export function joinThreads(seat: ThreadSeat): Communicator {
  const found: Partial<ThreadSeat> = typeof seat === 'object' && seat !== null ? seat : {};
  const { rank, size, capacity, timeout, control, data } = found;
  if (!(control instanceof SharedArrayBuffer) || !(data instanceof SharedArrayBuffer)) {
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `seat is ${describe(seat)}; it must be one of those that threads(n) returns`,
    );
  }
  whole('seat.size', size, 1, 1024);
  whole('seat.rank', rank, 0, size! - 1);
  whole('seat.capacity', capacity, 1, 2 ** 27);
  whole('seat.timeout', timeout, 1, 2 ** 31 - 1);
  if (
    control.byteLength < 4 * (Control.told + Told.size * size!) ||
    data.byteLength < 8 * capacity! * size!
  ) {
    throw new CklTypeError('ERR_CKL_TYPE', 'the memory of seat is smaller than its size and capacity say');
  }
  return new Threads(rank!, size!, capacity!, timeout!, new Int32Array(control), new Float64Array(data));
}

/**
 * Iterations of a loop before a thread sleeps: a few microseconds, within which the others usually arrive.
 */
const turns = 4000;

class Threads implements Communicator {
  constructor(
    readonly rank: number,
    readonly size: number,
    private readonly capacity: number,
    private readonly timeout: number,
    private readonly control: Int32Array,
    private readonly data: Float64Array,
  ) {}

  allGather(values: Float64Array): Float64Array {
    checkValues(values);
    const { length } = values;
    const all = new Float64Array(length * this.size);
    this.pass(values, -1, length, (piece, rank, at) => all.set(piece, rank * length + at));
    return all;
  }

  allReduce(values: Float64Array, operation: ReduceOperation = 'sum'): Float64Array {
    checkValues(values);
    return reduceInOrder((part) => this.allGather(part), this.size, values, operation);
  }

  broadcast(values: Float64Array, root = 0): Float64Array {
    checkValues(values);
    checkRank('root', root, this.size);
    const received = new Float64Array(values.length);
    this.pass(values, -1, values.length, (piece, rank, at) => {
      if (rank === root) received.set(piece, at);
    });
    return received;
  }

  sendReceive(values: Float64Array, to: number, from: number, length = values.length): Float64Array {
    checkSending(values, to, from, length, this.size);
    const received = new Float64Array(length);
    this.pass(values, from, length, (piece, _rank, at) => received.set(piece, at));
    return received;
  }

  /**
   * Publishes `values` to all ranks, piece by piece, and reads the pieces of rank `from` (-1: of all),
   * `taken` numbers of each.
   */
  private pass(
    values: Float64Array,
    from: number,
    taken: number,
    take: (piece: Float64Array, rank: number, at: number) => void,
  ): void {
    const { size, capacity, data } = this;
    for (let at = 0, longest = 1; at < longest; at += capacity) {
      this.tell([values.length, from, taken]);
      if (at < values.length) data.set(values.subarray(at, at + capacity), this.rank * capacity);
      this.barrier();
      longest = 1;
      for (let rank = 0; rank < size; rank++) longest = Math.max(longest, this.told(rank, Told.sent));
      const unequal = this.unequal();
      for (let rank = 0; unequal === null && rank < size; rank++) {
        if (at >= taken || (from >= 0 && rank !== from)) continue;
        const place = rank * capacity;
        take(data.subarray(place, place + Math.min(capacity, taken - at)), rank, at);
      }
      // No rank writes the next part, or leaves the group, before all have read this one.
      this.barrier();
      if (unequal === null) continue;
      Atomics.compareExchange(this.control, Control.broken, 0, 1 + this.rank);
      throw unequal;
    }
  }

  private tell(own: readonly [sent: number, from: number, taken: number]): void {
    own.forEach((value, k) => Atomics.store(this.control, Control.told + Told.size * this.rank + k, value));
  }

  private told(rank: number, what: Told): number {
    return Atomics.load(this.control, Control.told + Told.size * rank + what);
  }

  barrier(): void {
    const { control } = this;
    this.checkWhole();
    const round = Atomics.load(control, Control.round);
    if (Atomics.add(control, Control.arrived, 1) === this.size - 1) {
      Atomics.store(control, Control.arrived, 0);
      Atomics.add(control, Control.round, 1);
      Atomics.notify(control, Control.round);
      return;
    }
    for (let k = 0; k < turns; k++)
      if (Atomics.load(control, Control.round) !== round) return this.checkInTime();
    const end = performance.now() + this.timeout;
    while (Atomics.load(control, Control.round) === round) {
      const left = end - performance.now();
      if (left <= 0) throw this.giveUp();
      Atomics.wait(control, Control.round, round, left);
    }
    this.checkInTime();
  }

  /** The error if a rank does not get as many numbers as it expects; every rank detects it. */
  private unequal(): Error | null {
    const { size } = this;
    for (let k = 0; k < size; k++) {
      const rank = (this.rank + k) % size;
      const [from, taken] = [this.told(rank, Told.from), this.told(rank, Told.taken)];
      for (let other = 0; other < size; other++) {
        const sent = this.told(other, Told.sent);
        if (sent === taken || (from >= 0 && other !== from)) continue;
        return new CklRangeError(
          'ERR_CKL_GROUP',
          `rank ${other} of the threads passes ${sent} numbers, and rank ${rank} ${from < 0 ? '' : 'takes '}${taken}; all ranks must call alike`,
        );
      }
    }
    return null;
  }

  private giveUp(): Error {
    const missing = this.size - Atomics.load(this.control, Control.arrived);
    Atomics.compareExchange(this.control, Control.broken, 0, -(1 + this.rank));
    // Wakes those that wait, which then see it.
    Atomics.add(this.control, Control.round, 1);
    Atomics.notify(this.control, Control.round);
    return new CklRangeError(
      'ERR_CKL_GROUP',
      `rank ${this.rank} of the threads waited ${this.timeout} ms; ${missing} of ${this.size} did not come`,
    );
  }

  private checkWhole(): void {
    const broken = Atomics.load(this.control, Control.broken);
    if (broken === 0) return;
    throw new CklRangeError(
      'ERR_CKL_GROUP',
      `this group of threads was given up by rank ${Math.abs(broken) - 1}`,
    );
  }

  /** The same for a rank that was woken by the others' arrival, or that gave up waiting. */
  private checkInTime(): void {
    if (Atomics.load(this.control, Control.broken) < 0) this.checkWhole();
  }
}
