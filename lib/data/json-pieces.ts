// Cuts a JSON file into its records without parsing it whole: the entries of one large object, the elements of one large array.
import { isUtf8 } from 'node:buffer';
import { BadLine } from './errors.js';
import { again, linesOf, readFailure, type Bytes, type Piece } from './lines.js';

const [NEWLINE, SPACE, TAB, RETURN] = [0x0a, 0x20, 0x09, 0x0d];
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

const isSpace = (byte: number): boolean =>
  byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;

/** Each entry of each object of a file, as a separate object. */
export const entries = (file: Bytes, maxBytes: number): AsyncGenerator<Piece[]> =>
  cut(file, new PieceCutter(maxBytes, OPEN_OBJECT, file.emptyLines + 1));

/** The objects of a file, each on its own line, or all of them in one array. */
export async function* objects(file: Bytes, maxBytes: number): ReturnType<typeof linesOf> {
  const { first, chunks } = await firstByte(file);
  const again = { ...file, chunks };
  yield* first === OPEN_ARRAY
    ? cut(again, new PieceCutter(maxBytes, OPEN_ARRAY, file.emptyLines + 1))
    : linesOf(again, maxBytes);
}

/** The first byte that is not white space, and the whole file again. */
async function firstByte({ path, chunks }: Bytes): Promise<Pick<Bytes, 'chunks'> & { first?: number }> {
  const read: Buffer[] = [];
  let first: number | undefined;
  try {
    while (first === undefined) {
      const { value, done } = await chunks.next();
      if (done) break;
      read.push(value);
      first = value.find((byte) => !isSpace(byte));
    }
  } catch (error) {
    throw readFailure(error, path, 1);
  }
  return { first, chunks: again(read, chunks) };
}

async function* cut({ path, chunks }: Bytes, cutter: PieceCutter): AsyncGenerator<Piece[]> {
  try {
    for await (const chunk of chunks) yield cutter.push(chunk);
    yield cutter.end();
  } catch (error) {
    throw readFailure(error, path, cutter.line);
  }
}

/** Tracks strings and brackets, and cuts out the pieces between the commas of the outermost value. */
class PieceCutter {
  private depth = 0;
  private inString = false;
  private escaped = false;
  private kept: Buffer[] = [];
  private bytes = 0;
  /** Where the piece begins, 0 before anything but white space. */
  private startLine = 0;
  private commas = 0;
  private strayed = false;

  constructor(
    private readonly maxBytes: number,
    private readonly open: number,
    public line: number,
  ) {}

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === NEWLINE) this.line++;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) this.inString = false;
        continue;
      }
      if (isSpace(byte)) continue;
      if (this.depth === 0) {
        start = i + 1;
        if (byte === this.open) {
          this.depth = 1;
          this.commas = 0;
          this.strayed = false;
        } else {
          // One error for all of it, however long it is.
          if (!this.strayed) pieces.push(this.stray(byte));
          this.strayed = true;
        }
        continue;
      }
      if (this.depth === 1 && (byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT)) {
        this.keep(chunk.subarray(start, i));
        start = i + 1;
        const ends = byte !== COMMA;
        if (this.startLine > 0 || !ends || this.commas > 0) pieces.push(this.take());
        else this.clear();
        if (ends) {
          this.depth = 0;
          if (byte !== this.open + 2) pieces.push(this.stray(byte));
        } else this.commas++;
        continue;
      }
      if (this.startLine === 0) this.startLine = this.line;
      if (byte === QUOTE) this.inString = true;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.depth++;
      else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) this.depth--;
    }
    if (this.depth > 0) this.keep(chunk.subarray(start));
    return pieces;
  }

  end(): Piece[] {
    if (this.depth === 0) return [];
    return [
      {
        text: new BadLine(
          `a ${this.open === OPEN_ARRAY ? ']' : '}'} at the end`,
          'a file that ends before it',
        ),
        line: this.line,
      },
    ];
  }

  /** Something outside the outermost value, or a bracket of the other kind at its end. */
  private stray(byte: number): Piece {
    const text = new BadLine(
      `a JSON ${this.open === OPEN_ARRAY ? 'array' : 'object'}`,
      JSON.stringify(String.fromCharCode(byte)),
    );
    return { text, line: this.line };
  }

  private keep(part: Buffer): void {
    this.bytes += part.length;
    if (this.bytes <= this.maxBytes) this.kept.push(part);
    else this.kept = [];
  }

  private take(): Piece {
    const line = this.startLine || this.line;
    const [bytes, all] = [this.bytes, Buffer.concat(this.kept)];
    const empty = this.startLine === 0;
    this.clear();
    const bad = (expected: string, found: string): Piece => ({ text: new BadLine(expected, found), line });
    if (empty) return bad('a value between two commas', 'nothing');
    if (bytes > this.maxBytes) return bad(`a list of at most ${this.maxBytes} bytes`, 'a longer one');
    if (!isUtf8(all)) return bad('UTF-8 text', JSON.stringify(all.toString('latin1', 0, 57)));
    const text = all.toString('utf8').trim();
    return { text: this.open === OPEN_OBJECT ? `{${text}}` : text, line };
  }

  private clear(): void {
    [this.kept, this.bytes, this.startLine] = [[], 0, 0];
  }
}
