// Keeps lines of pairs by query if the lines of a query are scattered: as records in chains of growing
// chunks, about 32 bytes per line for short ids.
import { grown } from './grow.js';
import { newPairLine, type PairLine } from './pair-lists.js';

/** Bytes per unit of chunk positions, so that 32-bit positions reach 64 GB. */
const UNIT = 16;
const SLAB_UNITS = 2 ** 20;
/**
 * The header of a chunk: the place of the query's next chunk, and the number of bytes used, including this
 * header.
 */
const HEAD = 16;
const [LEAST_CHUNK, MOST_CHUNK] = [96, 4096];
/** Marks a positive that equals that of the previous record. */
const SAME = 0xffff;
/** Stands for lengths that do not fit in 16 bits; they follow. */
const LONG = 0xffffffff;

interface Slab {
  bytes: Uint8Array<ArrayBuffer>;
  words: Uint32Array<ArrayBuffer>;
  doubles: Float64Array<ArrayBuffer>;
}

const padded = (bytes: number): number => (bytes + 7) & ~7;

export class GatheredPairs {
  private readonly slabs: Slab[] = [];
  /** Units that are used of the last slab. */
  private used = SLAB_UNITS;
  /** By query: its first and last chunk + 1 (0: none), the bytes used of the last one, and those it has. */
  private firsts = new Uint32Array(64);
  private lasts = new Uint32Array(64);
  private ends = new Uint32Array(64);
  private rooms = new Uint32Array(64);
  /** Total bytes of all its chunks. */
  private sizes = new Float64Array(64);
  /** The position of its last positive: the chunk + 1, and the first and one past the last byte in it. */
  private held = new Uint32Array(64);
  private heldStarts = new Uint32Array(64);
  private heldEnds = new Uint32Array(64);
  /** The numbers of `one`, the line that is passed on. */
  private readonly numbers: Float64Array;
  private readonly one: PairLine;

  /** @param count of the numbers of a line */
  constructor(private readonly count: number) {
    this.numbers = new Float64Array(count);
    this.one = newPairLine(this.numbers);
  }

  add(query: number, one: PairLine): void {
    const { line, bytes, start, end, negativeBytes, negativeStart, negativeEnd, numbers } = one;
    if (query >= this.firsts.length) this.grow(query);
    const same = this.isHeld(query, bytes, start, end);
    const positive = same ? 0 : end - start;
    const negative = negativeEnd - negativeStart;
    const long = positive >= SAME || negative >= SAME;
    const head = 8 * this.count + (long ? 16 : 8);
    const needed = padded(head + positive + negative);
    if (this.ends[query] + needed > this.rooms[query]) this.newChunk(query, needed);
    const chunk = this.lasts[query] - 1;
    const slab = this.slabs[Math.floor(chunk / SLAB_UNITS)];
    const first = (chunk % SLAB_UNITS) * UNIT;
    let at = first + this.ends[query];
    this.ends[query] += needed;
    for (let i = 0; i < this.count; i++, at += 8) slab.doubles[at >>> 3] = numbers[i];
    slab.words[at >>> 2] = line;
    slab.words[(at >>> 2) + 1] = long ? LONG : ((same ? SAME : positive) << 16) | negative;
    if (long) {
      slab.words[(at >>> 2) + 2] = same ? LONG : positive;
      slab.words[(at >>> 2) + 3] = negative;
    }
    at += long ? 16 : 8;
    const own = slab.bytes;
    if (!same) {
      this.held[query] = chunk + 1;
      this.heldStarts[query] = at - first;
      this.heldEnds[query] = at - first + positive;
      for (let i = start; i < end; i++) own[at++] = bytes[i];
    }
    for (let i = negativeStart; i < negativeEnd; i++) own[at++] = negativeBytes[i];
  }

  /** Passes on the lines of a query, in file order. */
  each(query: number, take: (line: PairLine) => void): void {
    if (query >= this.firsts.length || this.firsts[query] === 0) return;
    const { one, numbers, count } = this;
    for (let chunk = this.firsts[query]; chunk !== 0;) {
      const slab = this.slabs[Math.floor((chunk - 1) / SLAB_UNITS)];
      const first = ((chunk - 1) % SLAB_UNITS) * UNIT;
      const { bytes, words, doubles } = slab;
      const last = chunk === this.lasts[query];
      const stop = first + (last ? this.ends[query] : words[(first >>> 2) + 1]);
      for (let at = first + HEAD; at < stop;) {
        for (let i = 0; i < count; i++, at += 8) numbers[i] = doubles[at >>> 3];
        one.line = words[at >>> 2];
        const lengths = words[(at >>> 2) + 1];
        let [positive, negative] = [lengths >>> 16, lengths & SAME];
        at += 8;
        let same = positive === SAME;
        if (lengths === LONG) {
          [positive, negative] = [words[at >>> 2], words[(at >>> 2) + 1]];
          same = positive === LONG;
          at += 8;
        }
        if (!same) {
          one.bytes = bytes;
          one.start = at;
          one.end = at += positive;
        }
        one.negativeBytes = bytes;
        one.negativeStart = at;
        one.negativeEnd = at + negative;
        at = padded(at + negative);
        take(one);
      }
      chunk = last ? 0 : words[first >>> 2];
    }
  }

  private isHeld(query: number, bytes: Uint8Array, start: number, end: number): boolean {
    const held = this.held[query];
    if (held === 0 || this.heldEnds[query] - this.heldStarts[query] !== end - start) return false;
    const own = this.slabs[Math.floor((held - 1) / SLAB_UNITS)].bytes;
    let at = ((held - 1) % SLAB_UNITS) * UNIT + this.heldStarts[query];
    for (let i = start; i < end; i++) if (own[at++] !== bytes[i]) return false;
    return true;
  }

  /** Allocates a chunk for a query: half of its current size, and at least room for one record. */
  private newChunk(query: number, needed: number): void {
    const size = Math.min(MOST_CHUNK, Math.max(LEAST_CHUNK, this.sizes[query] / 2));
    const units = Math.ceil(Math.max(size, HEAD + needed) / UNIT);
    if (this.used + units > SLAB_UNITS) this.newSlab(units);
    const chunk = (this.slabs.length - 1) * SLAB_UNITS + this.used;
    this.used += units;
    const last = this.lasts[query];
    if (last === 0) this.firsts[query] = chunk + 1;
    else {
      const { words } = this.slabs[Math.floor((last - 1) / SLAB_UNITS)];
      const head = (((last - 1) % SLAB_UNITS) * UNIT) >>> 2;
      words[head] = chunk + 1;
      words[head + 1] = this.ends[query];
    }
    this.lasts[query] = chunk + 1;
    this.ends[query] = HEAD;
    this.rooms[query] = units * UNIT;
    this.sizes[query] += units * UNIT;
  }

  /** A chunk that is longer than a slab has one of its own. */
  private newSlab(units: number): void {
    const memory = new ArrayBuffer(Math.max(units, SLAB_UNITS) * UNIT);
    const [words, doubles] = [new Uint32Array(memory), new Float64Array(memory)];
    this.slabs.push({ bytes: new Uint8Array(memory), words, doubles });
    this.used = 0;
  }

  private grow(query: number): void {
    const least = query + 1;
    this.firsts = grown(this.firsts, least);
    this.lasts = grown(this.lasts, least);
    this.ends = grown(this.ends, least);
    this.rooms = grown(this.rooms, least);
    this.sizes = grown(this.sizes, least);
    this.held = grown(this.held, least);
    this.heldStarts = grown(this.heldStarts, least);
    this.heldEnds = grown(this.heldEnds, least);
  }
}
