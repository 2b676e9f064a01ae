// Messages between ranks: whether a rank failed, and numbers that all ranks need. A rank that fails reports it in the next exchange, since the
// others would wait for it; then every rank throws.
import type { Group } from '../communicator.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import type { NativePlanSpec } from '../native/native.js';

export type Failure = { error: unknown } | null;

/** Runs `action` and returns its error, if any. */
export function attempt(action: () => void): Failure {
  try {
    action();
    return null;
  } catch (error) {
    return { error };
  }
}

/** Splits gathered numbers by rank. */
export function ranksOf(gathered: Float64Array, size: number): Float64Array[] {
  const length = gathered.length / size;
  return Array.from({ length: size }, (_, rank) => gathered.subarray(rank * length, (rank + 1) * length));
}

/** Numbers for an exchange, after a flag for whether this rank failed. */
export class Message {
  private readonly all: Float64Array;
  readonly numbers: Float64Array;

  constructor(length: number) {
    this.all = new Float64Array(1 + length);
    this.numbers = this.all.subarray(1);
  }

  /**
   * Returns the numbers of all ranks, by rank.
   * @throws the error of this rank's `failure`, or if another rank failed, the error that `told` makes for that rank
   */
  exchange(group: Group, failure: Failure, told: (rank: number) => Error): Float64Array[] {
    this.all[0] = Number(failure !== null);
    const parts = ranksOf(group.gather(this.all), group.size);
    if (failure !== null) throw failure.error;
    const failed = parts.findIndex((part) => part[0] !== 0);
    if (failed >= 0) throw told(failed);
    return parts.map((part) => part.subarray(1));
  }
}

/** The steps of a run whose exchanges carry no flag: after a failure no further step runs, but the rank still takes part in the exchanges. */
export class Steps {
  private failed: Failure = null;

  do(step: () => void): void {
    this.failed ??= attempt(step);
  }

  get failure(): Failure {
    return this.failed;
  }

  /** Throws the failure at a point where the other ranks can be told. */
  check(): void {
    if (this.failed !== null) throw this.failed.error;
  }
}

/** A prepared loss that has to fit those of the other ranks. */
interface Compared {
  /** What the ranks compare: at most `comparedNumbers` numbers. */
  readonly told: readonly number[];
  /** Throws, on every rank, if the losses do not fit each other. */
  compare(all: readonly Float64Array[]): void;
}
const comparedNumbers = 6;

/** Returns what `make` prepares on every rank of `group`. If it throws on one rank, or if the losses do not fit, all ranks throw. */
export function prepareOnAll<T extends Compared>(group: Group, make: () => T): T {
  const message = new Message(comparedNumbers);
  let made!: T;
  const failure = attempt(() => {
    made = make();
    message.numbers.set(made.told);
  });
  const all = message.exchange(group, failure, refusedOptions);
  made.compare(all);
  return made;
}

/** Ensures that a run of a loss ends before the next begins. A method of the caller's group could start one during a run. */
export class SingleRun {
  private running = false;
  private later: (() => void) | null = null;

  /** @param loss its name, or `combine` */
  constructor(private readonly loss: string) {}

  /** @throws CklTypeError if the loss is running already */
  do<T>(run: () => T): T {
    if (this.running) {
      throw new CklTypeError(
        'ERR_CKL_GROUP',
        `this ${this.loss} runs already, and a method of its group calls it again; prepare another`,
      );
    }
    this.running = true;
    try {
      return run();
    } finally {
      this.running = false;
      this.later?.();
      this.later = null;
    }
  }

  /** Calls `dispose` at once or, during a run, when that run has ended, since the other ranks wait for the rest of it. */
  end(dispose: () => void): void {
    if (this.running) this.later = dispose;
    else dispose();
  }
}

/** Concatenates arrays of the same length. */
export function joined(parts: readonly Float64Array[]): Float64Array {
  const [{ length }] = parts;
  const all = new Float64Array(length * parts.length);
  parts.forEach((part, rank) => all.set(part, rank * length));
  return all;
}

/** The first rank whose number at `place` differs from rank 0's, or null. */
export function otherThanFirst(parts: readonly Float64Array[], place: number): number | null {
  const other = parts.findIndex((part) => part[place] !== parts[0][place]);
  return other < 0 ? null : other;
}

export function failedLater(rank: number): Error {
  return new CklRangeError('ERR_CKL_GROUP', `rank ${rank} failed while it computed, and says why`);
}

export function refused(rank: number): Error {
  return new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${rank} refused its batch and reports the reason; nothing was computed`,
  );
}

function refusedOptions(rank: number): Error {
  return new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${rank} refused its options and reports the reason; nothing was prepared`,
  );
}

export function otherLoss(rank: number): Error {
  return new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${rank} has prepared another loss than rank 0, or with other options; all ranks prepare alike`,
  );
}

/** A hash of the options that change results, the same on every device. */
export function digestOf({ terms, reduction, pairMean, gradScale, ...rest }: NativePlanSpec): number {
  const { studentTemperature, teacherTemperature } = rest;
  const text = JSON.stringify([
    terms,
    reduction,
    pairMean,
    gradScale,
    studentTemperature,
    teacherTemperature,
  ]);
  return digest(Uint32Array.from(text, (letter) => letter.charCodeAt(0)));
}

/** FNV-1a over words. */
export function digest(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193);
  return hash >>> 0;
}
