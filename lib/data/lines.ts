// Streams the lines of a text file or pipe, plain or gzip, block by block, in memory bounded by the longest
// line.
import { isUtf8 } from 'node:buffer';
import { createReadStream, type ReadStream } from 'node:fs';
import { BadLine, DataError } from './errors.js';
import { inflate, isGzip } from './inflate.js';
import { readWatch, type ReadWatch } from './read-watch.js';

/**
 * A line without its end; the reason why it cannot be read; a number of empty lines; a piece of a file that
 * is not divided into lines; or a row of a table.
 */
export type Line = string | BadLine | number | Piece | Row;

/** A record with the number of the line in which it begins. */
export interface Piece {
  text: string | BadLine;
  line: number;
}

/** Values by the names of their columns or fields. */
export type Fields = Record<string, unknown>;

/** A row of a Parquet file, numbered from 1. */
export interface Row {
  file: string;
  row: number;
  fields: Fields;
}

/**
 * The longest line that is read by default. The parsed JSON of a line may take more than ten times its
 * length.
 */
export const LONGEST_LINE = 2 ** 26;

const NEWLINE = 0x0a;
const BLOCK_BYTES = 1 << 18;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
/** For comparisons, which are a hundred times as fast as looking at each byte. */
const NEWLINES = Buffer.alloc(BLOCK_BYTES, NEWLINE);

/**
 * Reads the lines of a UTF-8 file, as many at a time as came with one read. CRLF and LF both end a line, the last line may
 * lack its end, a byte order mark is skipped, gzip (several members too) is recognised by its content. The
 * file is opened and read once, from beginning to end, so it may be a pipe.
 *
 * @param maxLineBytes longer lines are errors, and are skipped without being kept
 * @throws DataError if the file cannot be opened, or if its gzip data are damaged, with the line reached;
 * line 0 if only the checksum of the whole reveals the damage
 */
export function readLines(path: string, maxLineBytes: number): AsyncGenerator<Line[]> {
  return linesOf(openBytes(path), maxLineBytes);
}

/** A stream of bytes that is closed by `return`. */
export interface Chunks extends AsyncIterableIterator<Buffer> {
  return(value?: undefined): Promise<IteratorResult<Buffer>>;
}

/** A file that is read once; it is opened when the first chunk is requested. */
export interface Bytes {
  readonly path: string;
  /** The rest of the file, inflated. */
  readonly chunks: Chunks;
  /** Number of empty lines that preceded it and were dropped. */
  readonly emptyLines: number;
}

/** Reports each chunk to the listener of {@link watchReads}. */
export function openBytes(path: string): Bytes {
  async function* chunks(): AsyncGenerator<Buffer> {
    const file = createReadStream(path, { highWaterMark: BLOCK_BYTES });
    const watch = readWatch();
    try {
      yield* withoutMark(plain(watch ? watched(path, file, watch) : file));
    } finally {
      watch?.done();
      file.destroy();
    }
  }
  return { path, chunks: chunks(), emptyLines: 0 };
}

/**
 * The part of a stream that was read, and the rest. `return` closes the stream even if nothing was requested:
 * a generator that has not started would end without closing it.
 */
export function again(read: readonly Buffer[], rest: Chunks): Chunks {
  const left = [...read];
  return {
    next: () => (left.length > 0 ? Promise.resolve({ value: left.shift()!, done: false }) : rest.next()),
    return: () => {
      left.length = 0;
      return rest.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** As {@link readLines}, for a file that has been partly read. */
export async function* linesOf(
  { path, chunks, emptyLines }: Bytes,
  maxLineBytes: number,
): AsyncGenerator<Line[]> {
  const cutter = new LineCutter(maxLineBytes, emptyLines);
  try {
    if (emptyLines > 0) yield [emptyLines];
    for await (const chunk of chunks) yield cutter.push(chunk);
    yield cutter.end();
  } catch (error) {
    throw readFailure(error, path, cutter.lines + 1);
  } finally {
    await chunks.return();
  }
}

/** The error for a file that cannot be opened or inflated; other errors are returned unchanged. */
export function readFailure(error: unknown, path: string, lineReached: number): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || error instanceof DataError) return error;
  const damaged = code.startsWith('Z_');
  const line = damaged && !/incorrect (data|length|header) check/.test(message) ? lineReached : 0;
  const expected = damaged ? 'undamaged gzip data' : 'a readable file';
  return new DataError(path, line, expected, message, { cause: error });
}

async function* watched(path: string, file: ReadStream, watch: ReadWatch): AsyncGenerator<Buffer> {
  for await (const chunk of file) {
    watch.read(path, file.bytesRead);
    yield chunk as Buffer;
  }
}

/** The bytes of a file, inflated if they begin like gzip; its name does not matter. */
async function* plain(file: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { first, all } = await firstBytes(file, 2);
  yield* isGzip(first) ? inflate(all, BLOCK_BYTES) : all;
}

async function* withoutMark(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { first, rest } = await firstBytes(bytes, BYTE_ORDER_MARK.length);
  const marked = first.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  yield marked ? first.subarray(BYTE_ORDER_MARK.length) : first;
  yield* rest;
}

/** Minimum number of bytes, unless the file has fewer: a pipe may deliver its first byte alone. */
async function firstBytes(
  bytes: AsyncIterable<Buffer>,
  least: number,
): Promise<{ first: Buffer; rest: AsyncGenerator<Buffer>; all: AsyncGenerator<Buffer> }> {
  const chunks = bytes[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  let ended = false;
  while (!ended && first.length < least) {
    const next = await chunks.next();
    ended = next.done === true;
    if (!ended)
      first = first.length === 0 ? (next.value as Buffer) : Buffer.concat([first, next.value as Buffer]);
  }
  async function* rest(): AsyncGenerator<Buffer> {
    try {
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  const after = rest();
  async function* all(): AsyncGenerator<Buffer> {
    if (first.length > 0) yield first;
    yield* after;
  }
  return { first, rest: after, all: all() };
}

/** Cuts chunks of bytes into lines, and keeps what follows the last newline for the next chunk. */
class LineCutter {
  private kept: Buffer[] = [];
  private keptBytes = 0;

  /** @param lines number of lines returned so far */
  constructor(
    private readonly maxLineBytes: number,
    public lines: number,
  ) {}

  push(chunk: Buffer): Line[] {
    const first = chunk.indexOf(NEWLINE);
    if (first < 0) {
      this.keep(chunk);
      return [];
    }
    const last = chunk.lastIndexOf(NEWLINE);
    this.keep(chunk.subarray(0, first));
    const lines = [this.takeKept()];
    // Decoding many lines at once is several times as fast as one by one.
    if (last > first) this.decodeMany(chunk.subarray(first + 1, last), lines);
    this.keep(chunk.subarray(last + 1));
    return this.giveOut(lines);
  }

  /** The last line, if it has no line end. */
  end(): Line[] {
    return this.giveOut(this.keptBytes > 0 ? [this.takeKept()] : []);
  }

  private giveOut(lines: Line[]): Line[] {
    for (const line of lines) this.lines += typeof line === 'number' ? line : 1;
    return lines;
  }

  private keep(part: Buffer): void {
    this.keptBytes += part.length;
    if (this.keptBytes <= this.maxLineBytes) this.kept.push(part);
    else this.kept = [];
  }

  private takeKept(): Line {
    const [kept, bytes] = [this.kept, this.keptBytes];
    this.kept = [];
    this.keptBytes = 0;
    if (bytes > this.maxLineBytes) return this.tooLong();
    return this.decode(kept.length === 1 ? kept[0] : Buffer.concat(kept));
  }

  private decodeMany(bytes: Buffer, lines: Line[]): void {
    if (bytes.length <= BLOCK_BYTES && bytes.equals(NEWLINES.subarray(0, bytes.length))) {
      lines.push(bytes.length + 1);
      return;
    }
    if (bytes.length <= this.maxLineBytes && isUtf8(bytes)) {
      cut(bytes.toString('utf8'), lines);
      return;
    }
    for (let start = 0; start <= bytes.length;) {
      const found = bytes.indexOf(NEWLINE, start);
      const end = found < 0 ? bytes.length : found;
      lines.push(this.decode(bytes.subarray(start, end)));
      start = end + 1;
    }
  }

  private decode(line: Buffer): Line {
    return line.length > this.maxLineBytes ? this.tooLong() : decodeLine(line);
  }

  private tooLong(): BadLine {
    return new BadLine(`a line of at most ${this.maxLineBytes} bytes`, 'a longer one');
  }
}

/** The text of a line without its end, or an error if it is not UTF-8. */
export function decodeLine(line: Buffer): string | BadLine {
  if (isUtf8(line)) return withoutReturn(line.toString('utf8'));
  return new BadLine('UTF-8 text', JSON.stringify(line.toString('latin1', 0, 57)));
}

/** Splits a text at its newlines; runs of empty lines are only counted. */
function cut(text: string, lines: Line[]): void {
  if (!text.includes('\n\n') && !text.includes('\n\r\n')) {
    for (const line of text.split('\n')) lines.push(withoutReturn(line));
    return;
  }
  for (let start = 0; start <= text.length;) {
    let empty = 0;
    for (;;) {
      const code = text.charCodeAt(start);
      // \r, and \n or the end of the text (NaN) after it.
      if (code === 13 && (start + 1 === text.length || text.charCodeAt(start + 1) === NEWLINE)) start++;
      else if (code !== NEWLINE) break;
      if (start < text.length && text.charCodeAt(start) === NEWLINE) {
        start++;
        empty++;
      }
      if (start === text.length) break;
    }
    if (empty > 0) lines.push(empty);
    if (start === text.length) {
      lines.push('');
      return;
    }
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    lines.push(withoutReturn(text.slice(start, end)));
    start = end + 1;
  }
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
