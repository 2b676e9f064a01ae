// Splits a line of ASCII bytes into columns if only blanks or only tabs separate them; any other line is left
// to the string parser.
import { HASH_FACTOR, HASH_START, mixed } from './ids.js';

const [TAB, LINE_FEED, RETURN, SPACE, DELETE] = [0x09, 0x0a, 0x0d, 0x20, 0x7f];
/** A line that begins with it may be a comment. */
const NUMBER_SIGN = 0x23;
/** A line that begins with it may be JSON. */
const BRACE = 0x7b;
/** Maximum number of columns that are distinguished. */
export const MOST_COLUMNS = 6;

/** Where the columns of a line begin and end. One object serves all lines. */
export class Columns {
  /** The number of columns, at most 6; 0 for an empty line, -1 for one that the string parser must read. */
  count = 0;
  readonly starts = new Int32Array(MOST_COLUMNS);
  readonly ends = new Int32Array(MOST_COLUMNS);
  /** Hashes of the second and third column, one of which is a document, as {@link ByteIds} has them. */
  second = 0;
  third = 0;
  /** Whether a separator follows another, or ends the line. */
  gaps = false;
  /** Whether tabs separate the columns of the last line. */
  tabs = false;

  /** @param hashes whether the hashes are wanted */
  constructor(private readonly hashes = true) {}

  /**
   * Reads the line that begins at `start`. A line feed must follow.
   *
   * @returns where the next line begins
   */
  read(bytes: Uint8Array, start: number): number {
    const { starts, ends, hashes } = this;
    let i = start;
    let c = bytes[i];
    if (c === LINE_FEED || (c === RETURN && bytes[i + 1] === LINE_FEED)) {
      this.count = 0;
      return c === LINE_FEED ? i + 1 : i + 2;
    }
    if (c === NUMBER_SIGN || c === BRACE || c === SPACE) return this.unread(bytes, i);
    let separator = 0;
    let count = 0;
    this.gaps = false;
    for (;;) {
      const from = i;
      if (hashes && (count === 1 || count === 2)) {
        let hash = HASH_START;
        for (; (c = bytes[i]) > SPACE && c < DELETE; i++) hash = Math.imul(hash ^ c, HASH_FACTOR);
        if (count === 1) this.second = hash;
        else this.third = hash;
      } else while ((c = bytes[i]) > SPACE && c < DELETE) i++;
      if (i > from) {
        if (count < MOST_COLUMNS) {
          starts[count] = from;
          ends[count] = i;
          count++;
        }
      } else if (count === 0) return this.unread(bytes, i);
      else this.gaps = true;
      if (c === SPACE || c === TAB) {
        if (separator === 0) separator = c;
        else if (separator !== c) return this.unread(bytes, i);
        i++;
      } else if (c === LINE_FEED) break;
      else if (c === RETURN && bytes[i + 1] === LINE_FEED) {
        i++;
        break;
      } else return this.unread(bytes, i);
    }
    this.count = count;
    this.tabs = separator === TAB;
    return i + 1;
  }

  /** The hash of the second or third column. */
  hash(column: 1 | 2): number {
    return mixed(column === 1 ? this.second : this.third);
  }

  private unread(bytes: Uint8Array, from: number): number {
    this.count = -1;
    return bytes.indexOf(LINE_FEED, from) + 1;
  }
}
