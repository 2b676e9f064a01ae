// Decides whether integers in place of scores are ranks: within a query, they do not repeat and do not only
// descend.
import { grown } from './grow.js';

export class ListedRanks {
  private ascends = false;
  private descents = 0;
  /** The rank of each query that was read last. */
  private last = new Float64Array(1024).fill(NaN);
  /** The ranks of lines that stand together. */
  private together = new Float64Array(1024);
  private count = 0;
  private highest = -Infinity;
  /** The same, from the first on that is not higher than all before. */
  private set: Set<number> | undefined;
  private query = -1;

  /** @returns false for a rank that the query before had, as far as its lines stand together, or in the line before */
  add(query: number, rank: number): boolean {
    const { length } = this.last;
    if (query >= length) this.last = grown(this.last, query + 1).fill(NaN, length);
    if (query !== this.query) {
      this.query = query;
      this.count = 0;
      this.highest = -Infinity;
      this.set = undefined;
    }
    const before = this.last[query];
    if (this.again(rank) || before === rank) return false;
    if (before < rank) this.ascends = true;
    if (before > rank) this.descents++;
    this.last[query] = rank;
    return true;
  }

  /** Whether the numbers are scores instead. */
  get onlyDescends(): boolean {
    return this.descents >= 2 && !this.ascends;
  }

  private again(rank: number): boolean {
    if (!this.set && rank > this.highest) {
      this.together = grown(this.together, this.count + 1);
      this.together[this.count++] = rank;
      this.highest = rank;
      return false;
    }
    this.set ??= new Set(this.together.subarray(0, this.count));
    if (this.set.has(rank)) return true;
    this.set.add(rank);
    return false;
  }
}
