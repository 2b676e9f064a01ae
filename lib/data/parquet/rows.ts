// Streams the rows of Parquet files, one row group in memory at a time, or a part of a large one.
import { open, type FileHandle } from 'node:fs/promises';
import { BadLine, DataError, excerpt } from '../errors.js';
import type { Fields, Row } from '../lines.js';
import { readWatch } from '../read-watch.js';
import { NotText } from '../values.js';
import { loadCompressors, loadReader, type Metadata, type RandomAccess, type SchemaTree } from './library.js';
import { shardsOf } from './shards.js';

/** The first bytes of a Parquet file. */
export const isParquet = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(0, 4)).equals(MAGIC);

/** Chooses the columns to read among those of a file; undefined for all of them. */
export type Choose = (columns: readonly string[]) => readonly string[] | undefined;

const MAGIC = Buffer.from('PAR1');
/** The magic number at both ends, and the length of the footer. */
const LEAST_BYTES = 12;
/** Rows at once from files with an index of their pages. */
const INDEXED_ROWS = 1 << 14;
/** Rows at once from others: of the pages before, columns without lists need not be decoded again. */
const MOST_ROWS = 1 << 17;
/** The longest read of one system call. */
const READ_BYTES = 1 << 30;

/**
 * The rows of a Parquet file, or of the files of a folder or pattern one after another, numbered from 1 in each.
 *
 * The listener of {@link watchReads} is told of each part that is read.
 *
 * @param choose is asked once for each file
 * @throws DataError if it is not a Parquet file, is damaged, or has a column of a kind whose values would be
 * read incorrectly; PackageMissingError
 */
export async function* rowsOf(path: string, choose: Choose): AsyncGenerator<Row[]> {
  for (const file of await shardsOf(path)) {
    const parquet = await ParquetFile.open(file);
    const watch = readWatch();
    try {
      const chosen = chooseColumns(file, parquet.columns, choose);
      watch?.read(file, 0);
      for (const [start, end] of parquet.ranges()) {
        const rows = await parquet.read(start, end, chosen);
        watch?.read(file, parquet.bytesOf(end));
        yield rows.map((fields, i) => ({ file, row: start + i + 1, fields }));
      }
    } finally {
      watch?.done();
      await parquet.close();
    }
  }
}

/** The names of the columns of the first file. */
export async function columnsOf(path: string): Promise<string[]> {
  const [first] = await shardsOf(path);
  const parquet = await ParquetFile.open(first);
  await parquet.close();
  return parquet.columns.map(({ element }) => element.name);
}

function chooseColumns(
  file: string,
  columns: readonly SchemaTree[],
  choose: Choose,
): readonly string[] | undefined {
  const names = columns.map(({ element }) => element.name);
  try {
    const chosen = choose(names);
    for (const name of chosen ?? [])
      if (!names.includes(name))
        throw new BadLine(`the column ${excerpt(name)}`, names.map(excerpt).join(', ') || 'none');
    for (const column of columns) if (chosen?.includes(column.element.name) ?? true) checkKind(column);
    return chosen;
  } catch (error) {
    if (error instanceof BadLine) throw new DataError(file, 0, error.expected, error.found);
    throw error;
  }
}

/**
 * Rejects columns that hyparquet misreads: a map loses its order, and a decimal without the older annotation
 * loses its decimal point.
 */
function checkKind(column: SchemaTree, top = column.element.name): void {
  const { converted_type: converted, logical_type: logical } = column.element;
  const fail = (found: string) => {
    throw new BadLine(`numbers, texts, lists or structs in column ${excerpt(top)}`, found);
  };
  if (converted === 'MAP' || converted === 'MAP_KEY_VALUE' || logical?.type === 'MAP')
    fail('a map, whose order would be lost');
  if (logical?.type === 'DECIMAL' && converted !== 'DECIMAL') fail('decimals without ConvertedType');
  for (const child of column.children) checkKind(child, top);
}

class ParquetFile {
  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    private readonly file: RandomAccess,
    private readonly library: Awaited<ReturnType<typeof loadReader>>,
    private readonly metadata: Metadata,
    readonly columns: readonly SchemaTree[],
    private readonly compressors: object | undefined,
  ) {}

  static async open(path: string): Promise<ParquetFile> {
    const handle = await open(path).catch((error: Error) => {
      throw new DataError(path, 0, 'a readable file', error.message, { cause: error });
    });
    try {
      const file = await accessTo(path, handle);
      const library = await loadReader();
      const [metadata, columns] = await undamaged(path, 0, async () => {
        const found = await library.parquetMetadataAsync(file, { geoparquet: false });
        return [found, library.parquetSchema(found).children] as const;
      });
      const codec = metadata.row_groups
        .flatMap(({ columns }) => columns.map(({ meta_data }) => meta_data?.codec))
        .find((name) => name !== undefined && name !== 'UNCOMPRESSED' && name !== 'SNAPPY');
      const compressors = codec === undefined ? undefined : await loadCompressors(codec);
      return new ParquetFile(path, handle, file, library, metadata, columns, compressors);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The rows that are read at once. */
  *ranges(): Generator<[start: number, end: number]> {
    let start = 0;
    for (const { num_rows, columns } of this.metadata.row_groups) {
      const end = start + Number(num_rows);
      const indexed = columns.every(({ offset_index_offset }) => offset_index_offset !== undefined);
      const step = indexed ? INDEXED_ROWS : MOST_ROWS;
      for (; start < end; start += step) yield [start, Math.min(end, start + step)];
      start = end;
    }
  }

  /**
   * The estimated bytes of a number of rows, assuming that all take the same, because the pieces of a row are
   * scattered over the file.
   */
  bytesOf(rows: number): number {
    const all = this.metadata.row_groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0);
    return Math.round((this.file.byteLength * rows) / all);
  }

  read(rowStart: number, rowEnd: number, columns?: readonly string[]): Promise<Fields[]> {
    return undamaged(this.path, rowStart + 1, async () => {
      const rows = await this.library.parquetReadObjects({
        file: this.file,
        metadata: this.metadata,
        columns,
        rowStart,
        rowEnd,
        useOffsetIndex: true,
        compressors: this.compressors,
        parsers: { stringFromBytes: decode, jsonFromBytes: decode },
      });
      if (rows.length !== rowEnd - rowStart)
        throw new Error(`${rows.length} rows in place of ${rowEnd - rowStart}`);
      return rows;
    });
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return UTF8.decode(bytes);
  } catch {
    return new NotText();
  }
}

/** The pieces of a file. */
async function accessTo(path: string, handle: FileHandle): Promise<RandomAccess> {
  const fail = (expected: string, found: string) => new DataError(path, 0, expected, found);
  const found = await handle.stat();
  if (!found.isFile())
    throw fail('a plain file, as Parquet is read from its end', found.isDirectory() ? 'a folder' : 'a pipe');
  const { size } = found;
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (!(start >= 0 && start <= end && end <= size))
      throw new RangeError(`bytes ${start} to ${end} of a file of ${size}`);
    const bytes = new Uint8Array(end - start);
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(READ_BYTES, bytes.length - done);
      const { bytesRead } = await handle.read(bytes, done, length, start + done);
      if (bytesRead === 0) throw new RangeError('a file that became shorter while it was read');
      done += bytesRead;
    }
    return bytes.buffer;
  };
  const slice = (start: number, end = size): Promise<ArrayBuffer> => {
    const bytes = read(start, end);
    // The library requests several pieces at once, and does not wait for the others after a failure.
    bytes.catch(() => undefined);
    return bytes;
  };
  const first = new Uint8Array(await slice(0, Math.min(4, size)));
  if (first[0] === 0x1f && first[1] === 0x8b)
    throw fail('Parquet that is not compressed as a whole (gunzip it)', 'gzip data');
  if (Buffer.from(first).equals(Buffer.from('PARE')))
    throw fail('Parquet that is not encrypted', 'an encrypted file');
  if (!isParquet(first))
    throw fail('a Parquet file', `${excerpt(Buffer.from(first).toString('latin1'))} at its beginning`);
  const last = size < LEAST_BYTES ? Buffer.alloc(0) : Buffer.from(await slice(size - 4));
  if (!last.equals(MAGIC)) throw fail('a whole Parquet file', 'one without its end');
  return { byteLength: size, slice };
}

/**
 * Converts what the library throws for a damaged file into an error that names the file and the first row
 * that could not be read.
 */
async function undamaged<T>(path: string, row: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { message } = error as Error;
    throw new DataError(path, row, 'an undamaged Parquet file', message, { cause: error, unit: 'row' });
  }
}
