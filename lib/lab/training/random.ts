// A small seeded random generator, so that a seed gives the same run everywhere.

/** Random numbers from a 32-bit seed: mulberry32 (Tommy Ettinger, public domain), period 2^32. Only integer arithmetic. */
export class Random {
  /** The whole state of the generator, a 32-bit integer: setting it repeats the numbers that follow. */
  state: number;

  /** @param seed any whole number; only its low 32 bits count */
  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** A whole number from 0 to 2^32 − 1. */
  private word(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    return this.word() / 4294967296;
  }

  /** A whole number from 0 up to, not including, n. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /**
   * Approximately normal, mean 0, standard deviation 1: the sum of 12 uniform numbers minus 6, which needs no
   * Math.log.
   */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.next();
    return sum;
  }

  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}
