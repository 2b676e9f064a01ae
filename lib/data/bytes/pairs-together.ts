// Finds out whether the lines of each query of a file of pairs are consecutive; most lines are read only up
// to their query's id.
import { stat } from 'node:fs/promises';
import { openBytes } from '../lines.js';
import { ByteIds } from './ids.js';
import { PairLines } from './pair-lines.js';
import type { PairForm } from './pair-lists.js';
import { readRegions } from './regions.js';
import { LinesApart } from './run-lines.js';

const [TAB, LINE_FEED, SPACE, DELETE] = [0x09, 0x0a, 0x20, 0x7f];

/** Ends with {@link LinesApart} at a query that reappears. */
class QueryCheck extends PairLines {
  private readonly queries = new ByteIds();
  private last = -1;
  private readonly column: number;

  constructor(form: PairForm, maxLineBytes: number) {
    super(form, maxLineBytes, false);
    this.column = form.columns.query;
  }

  override read(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to;) {
      let next = this.goOn(bytes, at);
      if (next > 0) this.lines++;
      else {
        next = bytes.indexOf(LINE_FEED, at) + 1;
        super.read(bytes, at, next);
      }
      at = next;
    }
  }

  /**
   * Skips a line that begins with plain columns by tabs, the last of which is the query before: it is of that query, or no pair, whatever follows.
   *
   * @returns where the next line begins, -1 for any other line
   */
  private goOn(bytes: Buffer, start: number): number {
    let i = start;
    let from = start;
    for (let column = 0; column <= this.column; column++) {
      from = i;
      let c: number;
      while ((c = bytes[i]) > SPACE && c < DELETE) i++;
      if (i === from || c !== TAB) return -1;
      i++;
    }
    if (this.last < 0 || !this.queries.is(this.last, bytes, from, i - 1)) return -1;
    while (bytes[i] !== LINE_FEED) i++;
    return i + 1;
  }

  refuse(): void {}

  protected query(bytes: Uint8Array, start: number, end: number): void {
    const { queries, last } = this;
    if (last >= 0 && queries.is(last, bytes, start, end)) return;
    const { count } = queries;
    this.last = queries.intern(bytes, start, end);
    if (this.last < count) throw new LinesApart();
  }

  protected pair(): void {}
}

/** Whether the lines of each query are consecutive; unknown for a pipe, which cannot be read twice. */
export async function standTogether(path: string, form: PairForm, maxLineBytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  try {
    await readRegions(openBytes(path), new QueryCheck(form, maxLineBytes), maxLineBytes);
    return true;
  } catch (error) {
    if (error instanceof LinesApart) return false;
    throw error;
  }
}
