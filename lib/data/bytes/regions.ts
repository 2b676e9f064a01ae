// A file as regions of whole lines in bytes: the same lines as in ../lines.ts, for readers that do not turn
// them into strings.
import { BadLine, DataError } from '../errors.js';
import { again, decodeLine, openBytes, readFailure, type Bytes } from '../lines.js';
import { isParquet } from '../parquet/rows.js';
import { isSharded } from '../parquet/shards.js';
import type { ReadOptions } from '../records.js';

const LINE_FEED = 0x0a;

/** A text file, plain or gzip; undefined for Parquet, which has rows in place of lines. */
export async function openRegions(path: string): Promise<Bytes | undefined> {
  if (await isSharded(path)) return undefined;
  const { chunks, emptyLines } = openBytes(path);
  const first = await chunks.next().catch((error: unknown) => {
    throw readFailure(error, path, 1);
  });
  if (!first.done && isParquet(first.value)) {
    await chunks.return();
    return undefined;
  }
  return { path, chunks: again(first.done ? [] : [first.value], chunks), emptyLines };
}

/** Handles lines that cannot be read: the first is an error, or all are counted. */
export class Refusals {
  /** The number of lines already reported. */
  private told = 0;
  private count = 0;

  constructor(
    private readonly path: string,
    private readonly options: ReadOptions,
  ) {}

  get skipBad(): boolean {
    return this.options.skipBad ?? false;
  }

  /** The file is read again from the beginning: lines already reported are not reported again. */
  restart(): void {
    this.count = 0;
  }

  /** @throws DataError unless bad lines are skipped */
  refuse({ expected, found }: BadLine, line: number): void {
    this.leaveOut(new DataError(this.path, line, expected, found));
  }

  /** @throws DataError the error itself, unless bad lines are skipped */
  leaveOut(error: DataError): void {
    if (!this.options.skipBad) throw error;
    if (++this.count <= this.told) return;
    this.told = this.count;
    this.options.onSkip?.(error);
  }
}

/** Reads lines at bytes. */
export interface LineReader {
  /** Reads whole lines, each with its line feed, and counts them. @throws DataError */
  read(bytes: Buffer, from: number, to: number): void;
  /** Lines read so far, empty ones too, with the one that is being read. */
  lines: number;
  /** A line that is too long to be kept. */
  refuse(problem: BadLine): void;
}

/**
 * Passes all lines of a file to a reader; lines that cross chunks, and a last line without its end, are
 * assembled first.
 */
export async function readRegions(file: Bytes, reader: LineReader, maxLineBytes: number): Promise<void> {
  const blocks = readInBlocks(file, reader, maxLineBytes);
  while (!(await blocks.next()).done);
}

/** As {@link readRegions}; waits after each block of the file, and closes the file if told to stop. */
export async function* readInBlocks(
  { path, chunks, emptyLines }: Bytes,
  reader: LineReader,
  maxLineBytes: number,
): AsyncGenerator<void> {
  reader.lines += emptyLines;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  const keep = (part: Buffer): void => {
    keptBytes += part.length;
    if (keptBytes <= maxLineBytes) kept.push(part);
    else kept = [];
  };
  const readKept = (): void => {
    const [parts, bytes] = [kept, keptBytes];
    kept = [];
    keptBytes = 0;
    if (bytes > maxLineBytes) {
      reader.lines++;
      reader.refuse(tooLong(maxLineBytes));
    } else reader.read(Buffer.concat([...parts, Buffer.of(LINE_FEED)]), 0, bytes + 1);
  };
  try {
    for await (const chunk of chunks) {
      const first = chunk.indexOf(LINE_FEED);
      if (first < 0) {
        keep(chunk);
        continue;
      }
      keep(chunk.subarray(0, first));
      readKept();
      const last = chunk.lastIndexOf(LINE_FEED);
      if (last > first) reader.read(chunk, first + 1, last + 1);
      keep(chunk.subarray(last + 1));
      yield;
    }
    if (keptBytes > 0) readKept();
  } catch (error) {
    throw error instanceof DataError ? error : readFailure(error, path, reader.lines + 1);
  } finally {
    await chunks.return();
  }
}

const tooLong = (most: number): BadLine => new BadLine(`a line of at most ${most} bytes`, 'a longer one');

/** The text of a line that begins at `start`; its line feed is at `end`. @throws BadLine */
export function textOf(bytes: Buffer, start: number, end: number, maxLineBytes: number): string {
  if (end - start > maxLineBytes) throw tooLong(maxLineBytes);
  const line = decodeLine(bytes.subarray(start, end));
  if (line instanceof BadLine) throw line;
  return line;
}
