// Splits a row of printable ASCII bytes into cells at a separator; any other row is left to the string
// parser.
import { MOST_COLUMNS } from './columns.js';

const [LINE_FEED, RETURN, SPACE, QUOTE, DELETE] = [0x0a, 0x0d, 0x20, 0x22, 0x7f];

/** Where the cells of a row begin and end. One object serves all rows. */
export class Cells {
  /** The number of cells; 0 for an empty line, -1 for one that the string parser must read. */
  count = 0;
  readonly starts = new Int32Array(MOST_COLUMNS);
  readonly ends = new Int32Array(MOST_COLUMNS);
  private readonly quotes: boolean;

  constructor(private readonly separator: '\t' | ',') {
    this.quotes = separator === ',';
  }

  /**
   * Reads the line that begins at `start`. A line feed must follow.
   *
   * @returns where the next line begins
   */
  read(bytes: Uint8Array, start: number): number {
    const { starts, ends, quotes } = this;
    const separator = this.separator.charCodeAt(0);
    let count = 0;
    for (let i = start; ; i++) {
      const from = i;
      let c: number;
      while ((c = bytes[i]) > SPACE && c < DELETE && c !== separator && !(quotes && c === QUOTE)) i++;
      const last = c === LINE_FEED || (c === RETURN && bytes[i + 1] === LINE_FEED);
      if (last && count === 0 && i === start) {
        this.count = 0;
        return c === LINE_FEED ? i + 1 : i + 2;
      }
      if (!(last || c === separator) || i === from || count === MOST_COLUMNS) {
        this.count = -1;
        return bytes.indexOf(LINE_FEED, i) + 1;
      }
      starts[count] = from;
      ends[count++] = i;
      if (!last) continue;
      this.count = count;
      return c === LINE_FEED ? i + 1 : i + 2;
    }
  }
}
