// The loop over lines of bytes that all line readers share: common lines are read from their columns, others
// as strings.
import { BadLine } from '../errors.js';
import { type LineReader, textOf } from './regions.js';

/** Cuts a line into columns or cells. */
export interface Cutter {
  /** The number of columns; 0 for an empty line, -1 for a line that must be read as a text. */
  readonly count: number;
  /** Reads the line that begins at `start` and returns where the next one begins. */
  read(bytes: Uint8Array, start: number): number;
}

export abstract class CutLines<Cut extends Cutter> implements LineReader {
  lines = 0;

  constructor(
    protected readonly cut: Cut,
    private readonly maxLineBytes: number,
  ) {}

  read(bytes: Buffer, from: number, to: number): void {
    const { cut, maxLineBytes } = this;
    for (let at = from; at < to;) {
      const start = at;
      at = cut.read(bytes, start);
      this.lines++;
      if (cut.count === 0) continue;
      try {
        if (cut.count > 0 && at - start <= maxLineBytes && this.readColumns(bytes)) continue;
        const line = textOf(bytes, start, at - 1, maxLineBytes);
        if (line.trim() !== '') this.readText(line);
      } catch (error) {
        if (!(error instanceof BadLine)) throw error;
        this.refuse(error);
      }
    }
  }

  abstract refuse(problem: BadLine): void;
  /**
   * Reads the line that `cut` holds.
   * @returns false if the line is not of a common kind
   * @throws BadLine
   */
  protected abstract readColumns(bytes: Buffer): boolean;
  /** Reads any other line. @throws BadLine */
  protected abstract readText(line: string): void;
}
