// Streams the lines of a text file, plain or gzip, block by block, in memory that the longest line bounds.
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BadLine, DataError } from './errors.js';

/** A line without its end, or why it cannot be read. */
export type Line = string | BadLine;

const NEWLINE = 0x0a;
const BLOCK_BYTES = 1 << 18;
const BYTE_ORDER_MARK = '\uFEFF';

/** Whether the file starts with gzip's magic bytes; its name does not matter. */
async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/**
 * Reads the lines of a UTF-8 file, as many at a time as came with one read. CRLF and LF both end a line, the last line may
 * lack its end, a byte order mark is skipped, gzip (several members too) is recognised by its content.
 *
 * @param maxLineBytes a longer line is a problem, and is skipped without being kept
 * @throws DataError (line 0) when the file cannot be opened, or with the line reached when gzip data is damaged
 */
export async function* readLines(path: string, maxLineBytes: number): AsyncGenerator<Line[]> {
  const cutter = new LineCutter(maxLineBytes);
  try {
    const gzip = await isGzip(path);
    const file = createReadStream(path, { highWaterMark: BLOCK_BYTES });
    // A failed read must end the inflating stream too, or its reader waits for ever.
    const bytes: Readable = gzip
      ? file.on('error', (error) => bytes.destroy(error)).pipe(createGunzip({ chunkSize: BLOCK_BYTES }))
      : file;
    try {
      for await (const chunk of bytes as AsyncIterable<Buffer>) yield cutter.push(chunk);
      yield cutter.end();
    } finally {
      bytes.destroy();
      file.destroy();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const damaged = code.startsWith('Z_');
    const expected = damaged ? 'undamaged gzip data' : 'a readable file';
    throw new DataError(path, damaged ? cutter.lines + 1 : 0, expected, message, { cause: error });
  }
}

/** Cuts chunks of bytes into lines, and keeps what follows the last newline for the next chunk. */
class LineCutter {
  /** Lines given out so far. */
  lines = 0;
  private kept: Buffer[] = [];
  private keptBytes = 0;

  constructor(private readonly maxLineBytes: number) {}

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
    if (last > first) for (const line of this.decodeMany(chunk.subarray(first + 1, last))) lines.push(line);
    this.keep(chunk.subarray(last + 1));
    return this.giveOut(lines);
  }

  /** The last line, where it lacks its end. */
  end(): Line[] {
    return this.giveOut(this.keptBytes > 0 ? [this.takeKept()] : []);
  }

  private giveOut(lines: Line[]): Line[] {
    if (this.lines === 0 && typeof lines[0] === 'string' && lines[0].startsWith(BYTE_ORDER_MARK)) {
      lines[0] = lines[0].slice(1);
    }
    this.lines += lines.length;
    return lines;
  }

  private keep(part: Buffer): void {
    this.keptBytes += part.length;
    if (this.keptBytes <= this.maxLineBytes) this.kept.push(part);
    else this.kept = [];
  }

  private takeKept(): Line {
    const line = this.keptBytes > this.maxLineBytes ? this.tooLong() : this.decode(Buffer.concat(this.kept));
    this.kept = [];
    this.keptBytes = 0;
    return line;
  }

  private decodeMany(bytes: Buffer): Line[] {
    if (bytes.length <= this.maxLineBytes && isUtf8(bytes)) {
      return bytes.toString('utf8').split('\n').map(withoutReturn);
    }
    const lines: Line[] = [];
    for (let start = 0; start <= bytes.length;) {
      const found = bytes.indexOf(NEWLINE, start);
      const end = found < 0 ? bytes.length : found;
      lines.push(this.decode(bytes.subarray(start, end)));
      start = end + 1;
    }
    return lines;
  }

  private decode(line: Buffer): Line {
    if (line.length > this.maxLineBytes) return this.tooLong();
    if (isUtf8(line)) return withoutReturn(line.toString('utf8'));
    return new BadLine('UTF-8 text', JSON.stringify(line.toString('latin1', 0, 57)));
  }

  private tooLong(): BadLine {
    return new BadLine(`a line of at most ${this.maxLineBytes} bytes`, 'a longer one');
  }
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
