// Streams the lines of a text file, plain or gzip, with their numbers, in memory that the longest line bounds.
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BadLine, DataError } from './errors.js';

/** One line without its end, or why it cannot be read. */
export type Line = { number: number } & ({ text: string } | { problem: BadLine });

const NEWLINE = 0x0a;
const RETURN = 0x0d;

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
 * Reads a UTF-8 file line by line. CRLF and LF both end a line, the last line may lack its end, a byte order mark is
 * skipped, gzip (several members too) is recognised by its content.
 *
 * @param maxLineBytes a longer line is a problem, and is skipped without being kept
 * @throws DataError (line 0) when the file cannot be opened, or with the line reached when gzip data is damaged
 */
export async function* readLines(path: string, maxLineBytes: number): AsyncGenerator<Line> {
  let number = 0;
  try {
    const gzip = await isGzip(path);
    const file = createReadStream(path, { highWaterMark: 1 << 18 });
    // A failed read must end the inflating stream too, or its reader waits for ever.
    const bytes: Readable = gzip
      ? file.on('error', (error) => bytes.destroy(error)).pipe(createGunzip())
      : file;
    try {
      for await (const line of split(bytes, maxLineBytes)) {
        number++;
        if (line === null) {
          yield { number, problem: new BadLine(`a line of at most ${maxLineBytes} bytes`, 'a longer one') };
        } else if (isUtf8(line)) {
          yield { number, text: decode(line, number === 1) };
        } else {
          yield { number, problem: new BadLine('UTF-8 text', excerptOfBytes(line)) };
        }
      }
    } finally {
      bytes.destroy();
      file.destroy();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const expected = code.startsWith('Z_') ? 'undamaged gzip data' : 'a readable file';
    throw new DataError(path, code.startsWith('Z_') ? number + 1 : 0, expected, message, { cause: error });
  }
}

/** Cuts a byte stream at newlines; null stands for a line that was too long. */
async function* split(bytes: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<Buffer | null> {
  let kept: Buffer[] = [];
  let size = 0;
  let seen = false;
  const keep = (part: Buffer) => {
    seen ||= part.length > 0;
    size += part.length;
    if (size <= maxLineBytes) kept.push(part);
    else kept = [];
  };
  const take = (): Buffer | null => {
    const line = size > maxLineBytes ? null : kept.length === 1 ? kept[0] : Buffer.concat(kept);
    kept = [];
    size = 0;
    seen = false;
    return line;
  };
  for await (const chunk of bytes) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    keep(chunk.subarray(start));
  }
  if (seen) yield take();
}

function decode(line: Buffer, first: boolean): string {
  const end = line.at(-1) === RETURN ? line.length - 1 : line.length;
  const marked = first && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
  return line.toString('utf8', marked ? 3 : 0, end);
}

const excerptOfBytes = (line: Buffer): string => JSON.stringify(line.toString('latin1', 0, 57));
