// Lines of a text file or rows of a Parquet file, depending on the path, as blocks for Records.
import { BadLine, excerpt } from '../errors.js';
import { again, linesOf, LONGEST_LINE, openBytes, readFailure, type Fields, type Line } from '../lines.js';
import { Records, type ReadOptions } from '../records.js';
import { isParquet, rowsOf } from './rows.js';
import { isSharded } from './shards.js';

/** The content of a column, and its possible names; errors use the first. */
export type Names = Readonly<Record<string, { readonly names: readonly string[]; readonly optional?: true }>>;

/** The values of a row by content, and the names of their columns. */
export interface Picked<Key extends string> {
  values: Record<Key, unknown>;
  column: Record<Key, string>;
}

/**
 * Records of a text file, plain or gzip, or of a Parquet file, folder or pattern, told by content.
 *
 * @param names what is read of a Parquet file's columns
 */
export function recordsOf<T, Key extends string>(
  path: string,
  parseLine: (line: string, number: number) => T | undefined,
  names: Names & Record<Key, unknown>,
  parseRow: (row: Picked<Key>) => T | undefined,
  options: ReadOptions = {},
): Records<T> {
  let column: Record<Key, string>;
  const blocks = linesOrRows(path, options.maxLineBytes ?? LONGEST_LINE, (columns) => {
    column = pick(columns, names) as Record<Key, string>;
    return Object.values(column);
  });
  return new Records(path, parseLine, options, blocks, (fields) => parseRow(valuesOf(fields, column)));
}

/** The values of an object under such names. */
export function pickFields<Key extends string>(
  fields: Fields,
  names: Names & Record<Key, unknown>,
): Picked<Key> {
  const column = pick(Object.keys(fields), names) as Record<Key, string>;
  return valuesOf(fields, column);
}

function valuesOf<Key extends string>(fields: Fields, column: Record<Key, string>): Picked<Key> {
  const values = {} as Record<Key, unknown>;
  for (const key in column) values[key] = fields[column[key]];
  return { values, column };
}

/** The column of each key; @throws BadLine for one that is missing */
function pick(columns: readonly string[], wanted: Names): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, { names, optional }] of Object.entries(wanted)) {
    const name = names.find((candidate) => columns.includes(candidate));
    if (name !== undefined) found[key] = name;
    else if (!optional)
      throw new BadLine(
        `a column ${names.map(excerpt).join(' or ')}`,
        columns.slice(0, 12).map(excerpt).join(', ') || 'no column',
      );
  }
  return found;
}

async function* linesOrRows(
  path: string,
  maxLineBytes: number,
  choose: (columns: readonly string[]) => readonly string[],
): AsyncGenerator<Line[]> {
  if (await isSharded(path)) {
    yield* rowsOf(path, choose);
    return;
  }
  const { chunks, emptyLines } = openBytes(path);
  const first = await chunks.next().catch((error: unknown) => {
    throw readFailure(error, path, 1);
  });
  if (!first.done && isParquet(first.value)) {
    await chunks.return();
    yield* rowsOf(path, choose);
    return;
  }
  const read = first.done ? [] : [first.value];
  yield* linesOf({ path, chunks: again(read, chunks), emptyLines }, maxLineBytes);
}
