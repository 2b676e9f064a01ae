// Keeps lines of a run by query if the lines of a query are scattered: chains of blocks, 12 bytes per line
// (16 with double-precision keys).
import { grown } from './grow.js';

const BLOCK_LINES = 32;
const SLAB_BLOCKS = 1 << 14;
const SLAB_LINES = SLAB_BLOCKS * BLOCK_LINES;
/** Numbers of lines are kept as 32 bits. */
export const MOST_LINES = 2 ** 32 - 1;

interface Slab {
  documents: Uint32Array;
  keys: Float32Array | Float64Array;
  lines: Uint32Array;
  /** The next block of a query, by block; 0 for the last. */
  next: Uint32Array;
}

/** The lines of one query, in the order of the file. The arrays are reused, and longer than `count`. */
export interface QueryLines {
  count: number;
  documents: Uint32Array<ArrayBuffer>;
  keys: Float64Array<ArrayBuffer>;
  lines: Uint32Array<ArrayBuffer>;
}

export class Gathered {
  private readonly slabs: Slab[] = [];
  /** Blocks in use; block 0 is none. */
  private blocks = 1;
  /** The first and last block of each query, and its number of lines. */
  private firsts = new Uint32Array(1024);
  private lasts = new Uint32Array(1024);
  private counts = new Uint32Array(1024);
  private readonly one: QueryLines = {
    count: 0,
    documents: new Uint32Array(0),
    keys: new Float64Array(0),
    lines: new Uint32Array(0),
  };

  /** @param single whether keys are float32 already */
  constructor(private readonly single: boolean) {}

  add(query: number, document: number, key: number, line: number): void {
    if (query >= this.counts.length) this.grow(query);
    const place = this.counts[query]++ % BLOCK_LINES;
    if (place === 0) this.link(query);
    const block = this.lasts[query];
    const slab = this.slabs[Math.floor(block / SLAB_BLOCKS)];
    const at = (block % SLAB_BLOCKS) * BLOCK_LINES + place;
    slab.documents[at] = document;
    slab.keys[at] = key;
    slab.lines[at] = line;
  }

  countOf(query: number): number {
    return query < this.counts.length ? this.counts[query] : 0;
  }

  /** The lines of a query; the same object at each call. */
  of(query: number): QueryLines {
    const { one } = this;
    const count = this.countOf(query);
    one.documents = grown(one.documents, count);
    one.keys = grown(one.keys, count);
    one.lines = grown(one.lines, count);
    one.count = count;
    for (let done = 0, block = this.firsts[query]; done < count; done += BLOCK_LINES) {
      const slab = this.slabs[Math.floor(block / SLAB_BLOCKS)];
      const from = (block % SLAB_BLOCKS) * BLOCK_LINES;
      const length = Math.min(BLOCK_LINES, count - done);
      for (let i = 0; i < length; i++) {
        one.documents[done + i] = slab.documents[from + i];
        one.keys[done + i] = slab.keys[from + i];
        one.lines[done + i] = slab.lines[from + i];
      }
      block = slab.next[block % SLAB_BLOCKS];
    }
    return one;
  }

  private link(query: number): void {
    const block = this.blocks++;
    if (Math.floor(block / SLAB_BLOCKS) >= this.slabs.length)
      this.slabs.push({
        documents: new Uint32Array(SLAB_LINES),
        keys: new (this.single ? Float32Array : Float64Array)(SLAB_LINES),
        lines: new Uint32Array(SLAB_LINES),
        next: new Uint32Array(SLAB_BLOCKS),
      });
    const last = this.lasts[query];
    if (last === 0) this.firsts[query] = block;
    else this.slabs[Math.floor(last / SLAB_BLOCKS)].next[last % SLAB_BLOCKS] = block;
    this.lasts[query] = block;
  }

  private grow(query: number): void {
    this.firsts = grown(this.firsts, query + 1);
    this.lasts = grown(this.lasts, query + 1);
    this.counts = grown(this.counts, query + 1);
  }
}
