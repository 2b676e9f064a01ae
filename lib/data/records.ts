// A file as a stream of records: parses each line, names file and line in errors, or counts the bad ones and goes on.
import { BadLine, DataError } from './errors.js';
import { LONGEST_LINE, readLines, type Fields, type Line, type Row } from './lines.js';

export interface ReadOptions {
  /** Leave out lines that cannot be read, and count them, instead of throwing at the first. Default false. */
  skipBad?: boolean;
  /** The longest line that is read, in bytes. Default 64 MiB. */
  maxLineBytes?: number;
  /** Told of each line left out. */
  onSkip?: (error: DataError) => void;
}

/** How many errors are kept when bad lines are skipped. */
export const KEPT_ERRORS = 10;

/**
 * The records of one file, to be read with `for await`, once. The counts grow while it is read.
 *
 * Empty lines are passed over silently. A line that cannot be read throws a {@link DataError}; with `skipBad` it is counted.
 */
export class Records<T> implements AsyncIterable<T> {
  /** Lines read so far, empty ones too; rows of a Parquet file. */
  lines = 0;
  /** Records read so far. */
  count = 0;
  /** Lines left out so far. */
  skipped = 0;
  /** The errors of the first ten lines left out. */
  readonly errors: DataError[] = [];

  /**
   * @param path the file, plain or gzip
   * @param parse makes a record of a line, or throws {@link BadLine}; undefined means there is no record in it (a header)
   * @param blocks what is parsed, where that is not simply the lines of the file
   * @param parseRow as `parse`, for the rows of a Parquet file
   */
  constructor(
    readonly path: string,
    private readonly parse: (line: string, number: number) => T | undefined,
    private readonly options: ReadOptions = {},
    private readonly blocks?: AsyncIterable<Line[]>,
    private readonly parseRow?: (fields: Fields) => T | undefined,
  ) {}

  /** The row that was read last, where there are no lines. */
  private row: Row | undefined;

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for await (const batch of this.batches()) for (const record of batch) yield record;
  }

  /**
   * The same records, as many at a time as came with one read: without the cost of waiting for each. A batch is read as it is gone through, so
   * that `refuse` names the line of the record given last.
   */
  async *batches(): AsyncGenerator<Iterable<T>> {
    const blocks = this.blocks ?? readLines(this.path, this.options.maxLineBytes ?? LONGEST_LINE);
    for await (const block of blocks) yield this.recordsIn(block);
  }

  private *recordsIn(block: Iterable<Line>): Generator<T> {
    for (const line of block) {
      if (typeof line === 'number') {
        this.lines += line;
        continue;
      }
      let record: T | undefined;
      if (typeof line === 'object' && 'fields' in line) record = this.readRow(line);
      else if (typeof line === 'object' && 'text' in line) {
        this.lines = line.line;
        record = this.read(line.text);
      } else {
        this.lines++;
        record = this.read(line);
      }
      if (record === undefined) continue;
      this.count++;
      yield record;
    }
  }

  private readRow(row: Row): T | undefined {
    this.row = row;
    this.lines++;
    try {
      return this.parseRow!(row.fields);
    } catch (error) {
      this.refuse(error);
      return undefined;
    }
  }

  private read(line: string | BadLine): T | undefined {
    if (line instanceof BadLine) {
      this.refuse(line);
      return undefined;
    }
    if (line.trim() === '') return undefined;
    try {
      return this.parse(line, this.lines);
    } catch (error) {
      this.refuse(error);
      return undefined;
    }
  }

  /** All records at once. */
  async collect(): Promise<T[]> {
    const all: T[] = [];
    for await (const record of this) all.push(record);
    return all;
  }

  /** For consumers that find a fault a single line cannot show, such as a document listed twice. */
  refuse(problem: unknown): void {
    if (!(problem instanceof BadLine)) throw problem;
    const { expected, found } = problem;
    this.leaveOut(
      this.row
        ? new DataError(this.row.file, this.row.row, expected, found, { unit: 'row' })
        : new DataError(this.path, this.lines, expected, found),
    );
  }

  /**
   * For a fault that is known only when all has been read, and is no one line's.
   *
   * @internal
   */
  refuseFile({ expected, found }: BadLine): void {
    this.leaveOut(new DataError(this.path, 0, expected, found));
  }

  private leaveOut(error: DataError): void {
    if (!this.options.skipBad) throw error;
    this.skipped++;
    this.options.onSkip?.(error);
    if (this.errors.length < KEPT_ERRORS) this.errors.push(error);
  }
}
