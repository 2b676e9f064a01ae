// A file as a stream of records: parses each line, and either names file and line in an error or counts bad
// lines and continues.
import { BadLine, DataError } from './errors.js';
import { LONGEST_LINE, readLines, type Fields, type Line, type Row } from './lines.js';

export interface ReadOptions {
  /** Leave out lines that cannot be read, and count them, instead of throwing at the first. Default false. */
  skipBad?: boolean;
  /** The longest line that is read, in bytes. Default 64 MiB. */
  maxLineBytes?: number;
  /** Called for each line left out. */
  onSkip?: (error: DataError) => void;
}

/** The number of errors that are kept if bad lines are skipped. */
export const KEPT_ERRORS = 10;

/**
 * The records of one file, to be read with `for await`, once. The counts grow while it is read.
 *
 * Empty lines are skipped silently. A line that cannot be read throws a {@link DataError}; with `skipBad` it
 * is counted.
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
   * @param parse turns a line into a record, or throws {@link BadLine}; undefined means that the line has no
   * record (a header)
   * @param blocks the data to parse, unless it is simply the lines of the file
   * @param parseRow as `parse`, for the rows of a Parquet file
   */
  constructor(
    readonly path: string,
    private readonly parse: (line: string, number: number) => T | undefined,
    private readonly options: ReadOptions = {},
    private readonly blocks?: AsyncIterable<Line[]>,
    private readonly parseRow?: (fields: Fields) => T | undefined,
  ) {}

  /** The last row read, if there are no lines. */
  private row: Row | undefined;

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for await (const batch of this.batches()) for (const record of batch) yield record;
  }

  /**
   * The same records in batches of one read, which avoids the cost of waiting for each. A batch is parsed
   * while it is iterated, so that `refuse` names the line of the latest record.
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

  /** For consumers that find an error that a single line cannot show, such as a document listed twice. */
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
   * For an error that is known only at the end, and does not belong to a single line.
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
