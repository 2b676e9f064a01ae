// What ranks tell each other around their arithmetic: whether one failed, and numbers that all have asked for. A rank that fails says so in
// the next exchange, for the others would wait for it; then every rank throws.
import type { Group } from '../communicator.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import type { NativePlanSpec } from '../native/native.js';

export type Failure = { error: unknown } | null;

/** Runs; returns the error. */
export function attempt(action: () => void): Failure {
  try {
    action();
    return null;
  } catch (error) {
    return { error };
  }
}

/** The parts of what was gathered, by rank. */
export function ranksOf(gathered: Float64Array, size: number): Float64Array[] {
  const length = gathered.length / size;
  return Array.from({ length: size }, (_, rank) => gathered.subarray(rank * length, (rank + 1) * length));
}

/** Numbers for an exchange, behind a place for whether this rank failed. */
export class Message {
  private readonly all: Float64Array;
  readonly numbers: Float64Array;

  constructor(length: number) {
    this.all = new Float64Array(1 + length);
    this.numbers = this.all.subarray(1);
  }

  /**
   * The numbers of all ranks, by rank.
   * @throws what this rank failed with, or where another failed, what `told` makes of its rank
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

/** Lets a run of a loss end before the next begins: a group of the caller's own could begin one within its own methods. */
export class SingleRun {
  private running = false;
  private later: (() => void) | null = null;

  /** @param loss its name, or `combine` */
  constructor(private readonly loss: string) {}

  /** @throws CklTypeError where the loss is running */
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

  /** Calls `dispose`: at once, or when the run has ended, since the other ranks wait for the rest of it. */
  end(dispose: () => void): void {
    if (this.running) this.later = dispose;
    else dispose();
  }
}

/** Arrays of one length, one after the other. */
export function joined(parts: readonly Float64Array[]): Float64Array {
  const [{ length }] = parts;
  const all = new Float64Array(length * parts.length);
  parts.forEach((part, rank) => all.set(part, rank * length));
  return all;
}

/** The first rank whose number at `place` is not rank 0's; null where all agree. */
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

export function otherLoss(rank: number): Error {
  return new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${rank} has prepared another loss than rank 0, or with other options; all ranks prepare alike`,
  );
}

/** Tells what is computed from other things, whoever computes it. */
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
