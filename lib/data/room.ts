// Checks the room in V8 for tables that grow with a file, so that an error names the file and line before V8
// fails.
import { getHeapStatistics } from 'node:v8';
import { DataError } from './errors.js';

/** Maximum number of entries of a Map or Set in V8. */
export const MOST_ENTRIES = 2 ** 24;
/** Minimum number of bytes of an entry with its value; keys may be shared. */
const LEAST_BYTES = 48;
const FULL = 0.9;

/** V8's limits; tests set smaller ones. */
export const limits = {
  entries: MOST_ENTRIES,
  /** Number of entries between two checks of the heap. */
  every: 1 << 16,
  heap: (): { used_heap_size: number; heap_size_limit: number } => getHeapStatistics(),
};

export class Room {
  private entries = 0;

  /**
   * @param path the file that errors name
   * @param beyond the alternative for larger files, for errors
   */
  constructor(
    private readonly path: string,
    private readonly beyond: string,
  ) {}

  /**
   * Called before a table gets a new entry.
   *
   * @param what the entries of the table, e.g. "queries"
   * @throws DataError if V8 has no room
   */
  take(table: { readonly size: number }, what: string): void {
    if (table.size >= limits.entries)
      throw this.full(`at most ${limits.entries} ${what}, which is what a Map of V8 holds`, 'more');
    if (++this.entries % limits.every > 0) return;
    const { used_heap_size: used, heap_size_limit: limit } = limits.heap();
    // Much of the used heap may be garbage, so the entries alone must account for half of it.
    if (used < FULL * limit || LEAST_BYTES * this.entries < limit / 2) return;
    const most = `what fits in V8's heap of ${Math.round(limit / 2 ** 20)} MiB, which --max-old-space-size of Node enlarges`;
    throw this.full(most, `${this.entries} entries, and more to come`);
  }

  private full(expected: string, found: string): DataError {
    return new DataError(this.path, 0, `${expected} (${this.beyond})`, found);
  }
}
