// The documents of queries, each with a side and a number, of pairs that come in any order.
import { grown } from './grow.js';
import { ByteIds, pairHash } from './ids.js';

const FEWEST_SLOTS = 256;
/** Slots are kept at most three quarters full. */
const FILL = 0.75;

export class Sides {
  readonly queries = new ByteIds();
  readonly documents = new ByteIds();
  /** The queries that have documents, in the order of their first ones. */
  private listed = new Uint32Array(64);
  private size = 0;
  /** By query, its first and last entry + 1; 0 for none. */
  private firsts = new Uint32Array(64);
  private lasts = new Uint32Array(64);
  private count = 0;
  /** By entry, as all that follows. */
  private queryOf = new Uint32Array(1024);
  private documentOf = new Uint32Array(1024);
  private sideOf = new Uint8Array(1024);
  private numberOf = new Float64Array(1024);
  /** The next entry + 1 of the query; 0 for none. */
  private next = new Uint32Array(1024);
  /** Entry + 1; 0 is free. */
  private slots = new Uint32Array(FEWEST_SLOTS);
  /** What {@link findAgain} found last. */
  private readonly again = { query: -1, document: -1, entry: -1 };

  /** The entry of a document of a query, -1 where there is none. */
  find(query: number, document: number): number {
    const { slots, queryOf, documentOf } = this;
    const mask = slots.length - 1;
    let slot = pairHash(query, document) & mask;
    for (let found = slots[slot]; found !== 0; found = slots[(slot = (slot + 1) & mask)])
      if (documentOf[found - 1] === document && queryOf[found - 1] === query) return found - 1;
    return -1;
  }

  /** As {@link find}, of a document that many lines in a row ask for. */
  findAgain(query: number, document: number): number {
    const { again } = this;
    if (again.query === query && again.document === document) return again.entry;
    const entry = this.find(query, document);
    if (entry >= 0) [again.query, again.document, again.entry] = [query, document, entry];
    return entry;
  }

  /** A new entry, of a document that the query does not have. */
  add(query: number, document: number, side: 0 | 1, number: number): number {
    const entry = this.count++;
    this.queryOf = grown(this.queryOf, this.count);
    this.documentOf = grown(this.documentOf, this.count);
    this.sideOf = grown(this.sideOf, this.count);
    this.numberOf = grown(this.numberOf, this.count);
    this.next = grown(this.next, this.count);
    this.queryOf[entry] = query;
    this.documentOf[entry] = document;
    this.sideOf[entry] = side;
    this.numberOf[entry] = number;
    this.next[entry] = 0;
    this.link(query, entry);
    if (this.count > FILL * this.slots.length) this.widen();
    else this.take(entry);
    return entry;
  }

  document(entry: number): number {
    return this.documentOf[entry];
  }

  side(entry: number): 0 | 1 {
    return this.sideOf[entry] as 0 | 1;
  }

  number(entry: number): number {
    return this.numberOf[entry];
  }

  setNumber(entry: number, number: number): void {
    this.numberOf[entry] = number;
  }

  /** Each query's entries, in the order in which they came. */
  *lists(): Generator<{ query: number; entries: readonly number[] }> {
    for (let place = 0; place < this.size; place++) {
      const query = this.listed[place];
      const entries: number[] = [];
      for (let entry = this.firsts[query]; entry !== 0; entry = this.next[entry - 1]) entries.push(entry - 1);
      yield { query, entries };
    }
  }

  /** Forgets all; keeps the memory unless far more than was needed lately. */
  clear(): void {
    this.firsts.fill(0, 0, this.queries.count);
    this.again.query = -1;
    this.queries.clear();
    this.documents.clear();
    if (this.slots.length > Math.max(FEWEST_SLOTS, 16 * this.count))
      this.slots = new Uint32Array(this.slots.length >> 1);
    else this.slots.fill(0);
    this.count = this.size = 0;
  }

  private link(query: number, entry: number): void {
    this.firsts = grown(this.firsts, query + 1);
    this.lasts = grown(this.lasts, query + 1);
    if (this.firsts[query] === 0) {
      this.firsts[query] = entry + 1;
      this.listed = grown(this.listed, this.size + 1);
      this.listed[this.size++] = query;
    } else this.next[this.lasts[query] - 1] = entry + 1;
    this.lasts[query] = entry + 1;
  }

  private take(entry: number): void {
    const mask = this.slots.length - 1;
    let slot = pairHash(this.queryOf[entry], this.documentOf[entry]) & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = entry + 1;
  }

  private widen(): void {
    this.slots = new Uint32Array(2 * this.slots.length);
    for (let entry = 0; entry < this.count; entry++) this.take(entry);
  }
}
