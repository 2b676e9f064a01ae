// The words of many texts as compressed sparse rows: word numbers and counts in typed arrays that threads can share, with no object per text.

/** Number of rows per array. */
const ROWS_AT_ONCE = 4096;
const NUMBERS_FIRST = 1 << 18;

/** Rows one after the other: row i is elements starts[i] to starts[i + 1]. */
interface Block {
  starts: Uint32Array;
  /** Numbers of words, each once in a row, in the order of first appearance. */
  words: Int32Array;
  /** The count of each in the text, in the narrowest type that fits the block's largest. */
  counts: Uint8Array | Uint16Array | Uint32Array;
  /** How many words each text has, those without a number included. */
  lengths: Uint32Array;
}

/** The memory of rows, which threads can share. */
export interface SharedRows {
  length: number;
  blocks: readonly Block[];
}

/** One text's words and counts. */
export interface WordRow {
  words: Int32Array;
  counts: Uint8Array | Uint16Array | Uint32Array;
  length: number;
}

/** Rows that are added one by one, and can be read after {@link WordRows.end} was called. */
export class WordRows {
  private blocks: Block[] = [];
  private count = 0;
  /** The block that is being filled. */
  private words = new Int32Array(NUMBERS_FIRST);
  private counts = new Uint32Array(NUMBERS_FIRST);
  private readonly starts = new Uint32Array(ROWS_AT_ONCE + 1);
  private readonly lengths = new Uint32Array(ROWS_AT_ONCE);
  private rows = 0;
  private largest = 0;

  static of({ length, blocks }: SharedRows): WordRows {
    const rows = new WordRows();
    [rows.count, rows.blocks] = [length, [...blocks]];
    return rows;
  }

  get length(): number {
    return this.count;
  }

  /** The memory itself, for another thread's {@link WordRows.of}. */
  get shared(): SharedRows {
    return { length: this.count, blocks: this.blocks };
  }

  /**
   * Adds a text.
   *
   * @param words and `counts`: of which the first `size` are taken
   * @param length in words
   */
  add(words: ArrayLike<number>, counts: ArrayLike<number>, size: number, length: number): void {
    const first = this.starts[this.rows];
    while (first + size > this.words.length) this.grow();
    for (let i = 0; i < size; i++) {
      this.words[first + i] = words[i];
      const count = counts[i];
      this.counts[first + i] = count;
      if (count > this.largest) this.largest = count;
    }
    this.lengths[this.rows] = length;
    this.starts[++this.rows] = first + size;
    this.count++;
    if (this.rows === ROWS_AT_ONCE) this.close();
  }

  /** Called after the last row. */
  end(): this {
    if (this.rows > 0) this.close();
    this.words = new Int32Array(0);
    this.counts = new Uint32Array(0);
    return this;
  }

  /** A row; its arrays are views of the memory. */
  row(place: number): WordRow {
    const { starts, words, counts, lengths } = this.blocks[Math.floor(place / ROWS_AT_ONCE)];
    const row = place % ROWS_AT_ONCE;
    const [from, to] = [starts[row], starts[row + 1]];
    return { words: words.subarray(from, to), counts: counts.subarray(from, to), length: lengths[row] };
  }

  /** The number of distinct words in a row. */
  elements(place: number): number {
    const { starts } = this.blocks[Math.floor(place / ROWS_AT_ONCE)];
    const row = place % ROWS_AT_ONCE;
    return starts[row + 1] - starts[row];
  }

  private close(): void {
    const { rows, largest } = this;
    const size = this.starts[rows];
    const kind = largest < 256 ? Uint8Array : largest < 65536 ? Uint16Array : Uint32Array;
    this.blocks.push({
      starts: copyInto(Uint32Array, this.starts, rows + 1),
      words: copyInto(Int32Array, this.words, size),
      counts: copyInto<Block['counts']>(kind, this.counts, size),
      lengths: copyInto(Uint32Array, this.lengths, rows),
    });
    this.rows = this.largest = 0;
  }

  private grow(): void {
    const [words, counts] = [new Int32Array(2 * this.words.length), new Uint32Array(2 * this.words.length)];
    words.set(this.words);
    counts.set(this.counts);
    [this.words, this.counts] = [words, counts];
  }
}

interface Kind<T> {
  new (buffer: SharedArrayBuffer): T;
  readonly BYTES_PER_ELEMENT: number;
}

function copyInto<T extends { set(values: ArrayLike<number>): void }>(
  kind: Kind<T>,
  values: Uint32Array | Int32Array,
  length: number,
): T {
  const out = new kind(new SharedArrayBuffer(length * kind.BYTES_PER_ELEMENT));
  out.set(values.subarray(0, length));
  return out;
}
