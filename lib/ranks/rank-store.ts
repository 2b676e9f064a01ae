// Rankings of many queries in two growing typed arrays: about 6 bytes per listed document.
import { CklRangeError } from '../errors.js';
import type { LayoutView } from '../loss/layout.js';
import { newScalars } from '../loss/run.js';
import { NativeStatus } from '../native/codes.js';
import { native } from '../native/native.js';
import { statusError } from '../native/status.js';

/** A Map of V8 holds so many entries. */
export const MOST_ENTRIES = 2 ** 24;

/** The place of a document that is not in the list; others count from 1. */
const ABSENT = 0;
/** For fewer documents, scanning the list is cheaper than building a table. */
const FEW = 4;
/** Maximum length of a list that the addon scans. */
const MOST_SCANNED = 128;
/** Maximum number of documents in a table; ties at the depth can make a list longer. */
const MOST_HELD = 2 ** 16 - 1;

export class RankStore {
  private documents = new Uint32Array(1024);
  private ranks = new Uint16Array(1024);
  /** The place of a query's ranking, by the query's code, in the order in which they were set. */
  private places = new Map<number, number>();
  /** By place: where a ranking starts in the arrays, its number of documents, and its capacity. */
  private starts = new Uint32Array(64);
  private lengths = new Uint32Array(64);
  private rooms = new Uint32Array(64);
  /** Places that are free again. */
  private free: number[] = [];
  private used = 0;
  /** Number of elements below `used` that no ranking uses any more. */
  private waste = 0;
  private readonly lookup = new Lookup();
  /** For the addon: the position of each row's list and documents. */
  private rows = new Float64Array(64);

  get size(): number {
    return this.places.size;
  }

  /** The codes of queries. */
  keys(): IterableIterator<number> {
    return this.places.keys();
  }

  has(query: number): boolean {
    return this.places.has(query);
  }

  /** Replaces a query's ranking; in place if it fits. */
  set(query: number, documents: Uint32Array, ranks: Uint16Array): void {
    const { length } = documents;
    let place = this.places.get(query);
    if (place === undefined || this.rooms[place] < length) {
      if (place !== undefined) this.waste += this.rooms[place];
      this.reserve(length, query);
      place ??= this.newPlace(query);
      this.starts[place] = this.used;
      this.rooms[place] = length;
      this.used += length;
    }
    this.lengths[place] = length;
    this.documents.set(documents, this.starts[place]);
    this.ranks.set(ranks, this.starts[place]);
  }

  delete(query: number): boolean {
    const place = this.places.get(query);
    if (place === undefined) return false;
    this.waste += this.rooms[place];
    this.free.push(place);
    return this.places.delete(query);
  }

  /** A query's documents and ranks as views, best first; null if it has no ranking. */
  get(query: number): { documents: Uint32Array; ranks: Uint16Array } | null {
    const place = this.places.get(query);
    if (place === undefined) return null;
    const start = this.starts[place];
    const end = start + this.lengths[place];
    return { documents: this.documents.subarray(start, end), ranks: this.ranks.subarray(start, end) };
  }

  /** The total number of documents in all rankings. */
  get listed(): number {
    let sum = 0;
    for (const place of this.places.values()) sum += this.lengths[place];
    return sum;
  }

  /** The place of a query's ranking, for {@link fill}, until the next change; undefined if it has none. */
  placeOf(query: number): number | undefined {
    return this.places.get(query);
  }

  /**
   * Writes the ranks of a batch's documents to `out`, row by row; rows without a place are unchanged.
   *
   * @param codes of the documents, at the same places as in `out`
   * @param absent the rank of a document that its row's ranking does not list
   */
  fill(
    places: readonly (number | undefined)[],
    layout: LayoutView,
    codes: Uint32Array,
    absent: number,
    out: Float32Array,
  ): void {
    if (this.rows.length < 4 * places.length) this.rows = new Float64Array(4 * places.length);
    const { documents, ranks, rows } = this;
    let count = 0;
    for (let b = 0; b < places.length; b++) {
      const place = places[b];
      if (place === undefined) continue;
      const length = this.lengths[place];
      if (length > MOST_SCANNED) {
        this.lookUp(this.starts[place], length, codes, layout.begin(b), layout.end(b), absent, out);
        continue;
      }
      rows[count++] = this.starts[place];
      rows[count++] = length;
      rows[count++] = layout.begin(b);
      rows[count++] = layout.end(b);
    }
    const status = native.listedRanks(documents, ranks, rows, count / 4, codes, absent, out);
    if (status !== NativeStatus.ok) throw statusError(status, newScalars());
  }

  /** The ranks of the documents of one row in a long list. */
  private lookUp(
    start: number,
    length: number,
    codes: Uint32Array,
    begin: number,
    end: number,
    absent: number,
    out: Float32Array,
  ): void {
    const { documents, ranks, lookup } = this;
    if (end - begin < FEW || length > MOST_HELD) {
      const list = documents.subarray(start, start + length);
      for (let i = begin; i < end; i++) {
        const at = list.indexOf(codes[i]);
        out[i] = at < 0 ? absent : ranks[start + at];
      }
      return;
    }
    lookup.hold(documents, start, length);
    for (let i = begin; i < end; i++) {
      const at = lookup.find(documents, start, codes[i]);
      out[i] = at === ABSENT ? absent : ranks[start + at - 1];
    }
  }

  /** All of it, without gaps, for {@link restored}. */
  packed(): { queries: Uint32Array; lengths: Uint32Array; documents: Uint32Array; ranks: Uint16Array } {
    if (this.waste > 0) this.move(this.used - this.waste, -1);
    const queries = new Uint32Array(this.size);
    const lengths = new Uint32Array(this.size);
    const listed = this.listed;
    const [documents, ranks] = [new Uint32Array(listed), new Uint16Array(listed)];
    let [at, to] = [0, 0];
    for (const [query, place] of this.places) {
      queries[at] = query;
      const length = (lengths[at++] = this.lengths[place]);
      const from = this.starts[place];
      documents.set(this.documents.subarray(from, from + length), to);
      ranks.set(this.ranks.subarray(from, from + length), to);
      to += length;
    }
    return { queries, lengths, documents, ranks };
  }

  /**
   * Takes over the result of {@link packed}; the store takes ownership of the arrays. @returns false if a
   * query occurs twice
   */
  restore(queries: Uint32Array, lengths: Uint32Array, documents: Uint32Array, ranks: Uint16Array): boolean {
    const places = new Map<number, number>();
    const starts = new Uint32Array(queries.length);
    let used = 0;
    for (let i = 0; i < queries.length; i++) {
      starts[i] = used;
      used += lengths[i];
      places.set(queries[i], i);
    }
    if (places.size < queries.length) return false;
    this.places = places;
    this.starts = starts;
    this.lengths = lengths as Uint32Array<ArrayBuffer>;
    this.rooms = lengths.slice();
    this.documents = documents as Uint32Array<ArrayBuffer>;
    this.ranks = ranks as Uint16Array<ArrayBuffer>;
    this.free = [];
    this.used = used;
    this.waste = 0;
    return true;
  }

  private newPlace(query: number): number {
    if (this.places.size >= MOST_ENTRIES)
      throw new CklRangeError(
        'ERR_CKL_TRACKER',
        `rankings of more than ${MOST_ENTRIES} queries do not fit in a Map; spread the queries over several trackers`,
      );
    const place = this.free.pop() ?? this.places.size;
    if (place >= this.starts.length) {
      const longer = (array: Uint32Array): Uint32Array<ArrayBuffer> => {
        const copy = new Uint32Array(Math.max(64, 2 * place));
        copy.set(array);
        return copy;
      };
      this.starts = longer(this.starts);
      this.lengths = longer(this.lengths);
      this.rooms = longer(this.rooms);
    }
    this.places.set(query, place);
    return place;
  }

  /** Makes room for `more` elements; `replaced` is about to get a new place in the arrays. */
  private reserve(more: number, replaced: number): void {
    if (this.used + more <= this.documents.length) return;
    const keep = this.used - this.waste;
    // Compacting is enough if half of the memory is waste; otherwise grow, so that sets take amortised
    // constant time.
    const size = this.waste > this.used / 2 ? this.documents.length : this.documents.length * 2;
    this.move(Math.max(size, keep + more), replaced);
  }

  /** Copies the rankings that are in use, without gaps, into arrays of a new size. */
  private move(size: number, replaced: number): void {
    const documents = new Uint32Array(size);
    const ranks = new Uint16Array(size);
    let used = 0;
    for (const [query, place] of this.places) {
      if (query === replaced) continue;
      const [start, length] = [this.starts[place], this.lengths[place]];
      documents.set(this.documents.subarray(start, start + length), used);
      ranks.set(this.ranks.subarray(start, start + length), used);
      this.starts[place] = used;
      this.rooms[place] = length;
      used += length;
    }
    this.documents = documents;
    this.ranks = ranks;
    this.used = used;
    this.waste = 0;
  }
}

/** A hash table of the documents of one ranking, rebuilt for each: a fill looks up many documents. */
class Lookup {
  /** The number of the ranking that a slot was written for, above the place of a document in it, from 1. */
  private slots = new Uint32Array(256);
  private ranking = 0;

  /** @param length at most {@link MOST_HELD} */
  hold(documents: Uint32Array, start: number, length: number): void {
    if (2 * length > this.slots.length) {
      this.slots = new Uint32Array(2 ** Math.ceil(Math.log2(4 * length)));
      this.ranking = 0;
    }
    if (++this.ranking > MOST_HELD) {
      this.slots.fill(0);
      this.ranking = 1;
    }
    const { slots, ranking } = this;
    const mask = slots.length - 1;
    for (let i = 0; i < length; i++) {
      let slot = slotOf(documents[start + i]) & mask;
      while (slots[slot] >>> 16 === ranking) slot = (slot + 1) & mask;
      slots[slot] = (ranking << 16) | (i + 1);
    }
  }

  /** The place of a document in the ranking, from 1; 0 if it is not there. */
  find(documents: Uint32Array, start: number, code: number): number {
    const { slots, ranking } = this;
    const mask = slots.length - 1;
    for (let slot = slotOf(code) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot];
      if (found >>> 16 !== ranking) return ABSENT;
      const place = found & MOST_HELD;
      if (documents[start + place - 1] === code) return place;
    }
  }
}

const slotOf = (code: number): number => {
  const hash = Math.imul(code, 0x9e3779b1);
  return hash ^ (hash >>> 15);
};
