// Rankings of many queries in two growing typed arrays: about 6 bytes per listed document.

/** One ranking: where it starts in the arrays, how many documents it holds, and how many its place has room for. */
interface Entry {
  start: number;
  length: number;
  room: number;
}

export class RankStore {
  private documents = new Uint32Array(1024);
  private ranks = new Uint16Array(1024);
  private readonly entries = new Map<string, Entry>();
  private used = 0;
  /** Elements below `used` that no ranking needs any more. */
  private waste = 0;

  get size(): number {
    return this.entries.size;
  }

  keys(): IterableIterator<string> {
    return this.entries.keys();
  }

  has(query: string): boolean {
    return this.entries.has(query);
  }

  /** Replaces a query's ranking; in place if it fits. */
  set(query: string, documents: Uint32Array, ranks: Uint16Array): void {
    const { length } = documents;
    let entry = this.entries.get(query);
    if (entry === undefined || entry.room < length) {
      if (entry !== undefined) this.waste += entry.room;
      this.reserve(length, query);
      entry = { start: this.used, length, room: length };
      this.used += length;
      this.entries.set(query, entry);
    }
    entry.length = length;
    this.documents.set(documents, entry.start);
    this.ranks.set(ranks, entry.start);
  }

  delete(query: string): boolean {
    const entry = this.entries.get(query);
    if (entry !== undefined) this.waste += entry.room;
    return this.entries.delete(query);
  }

  /** A query's documents and ranks as views, best first; null if it has no ranking. */
  get(query: string): { documents: Uint32Array; ranks: Uint16Array } | null {
    const entry = this.entries.get(query);
    if (entry === undefined) return null;
    const end = entry.start + entry.length;
    return {
      documents: this.documents.subarray(entry.start, end),
      ranks: this.ranks.subarray(entry.start, end),
    };
  }

  /** Makes room for `more` elements; `replaced` is about to get a new place. */
  private reserve(more: number, replaced: string): void {
    if (this.used + more <= this.documents.length) return;
    const keep = this.used - this.waste;
    // Compacting alone is enough when half of the memory is waste; else grow, so that sets cost amortised constant time.
    const size = this.waste > this.used / 2 ? this.documents.length : this.documents.length * 2;
    this.move(Math.max(size, keep + more), replaced);
  }

  /** Copies the rankings that are in use, without gaps, into arrays of a new size. */
  private move(size: number, replaced: string): void {
    const documents = new Uint32Array(size);
    const ranks = new Uint16Array(size);
    let used = 0;
    for (const [query, entry] of this.entries) {
      if (query === replaced) continue;
      const end = entry.start + entry.length;
      documents.set(this.documents.subarray(entry.start, end), used);
      ranks.set(this.ranks.subarray(entry.start, end), used);
      entry.start = used;
      entry.room = entry.length;
      used += entry.length;
    }
    this.documents = documents;
    this.ranks = ranks;
    this.used = used;
    this.waste = 0;
  }
}
