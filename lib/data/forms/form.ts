// The definition of a form of teacher files: how to recognise it, how to read it, and how to write a list.
import { byteLists, scoredLists, type ByteLists, type MakeReader } from '../bytes/lists.js';
import type { WriteBytes } from '../bytes/write-list.js';
import type { DataError } from '../errors.js';
import { objects } from '../json-pieces.js';
import { linesOf, LONGEST_LINE, type Bytes, type Fields, type Line } from '../lines.js';
import { Records, type ReadOptions } from '../records.js';
import { parseObject } from '../values.js';
import type { IdTypes, ScoredDocument, ScoredList } from './scored.js';

export interface TeacherReadOptions extends ReadOptions {
  /** Take the first document of each ColBERT or PyLate list as its positive and the others as negatives. Default false. */
  firstIsPositive?: boolean;
}

/** The lists of a teacher file, to be read with `for await`, once; `skipped` and `errors` count the bad lines. */
export interface TeacherLists extends AsyncIterable<ScoredList> {
  readonly skipped: number;
  readonly errors: readonly DataError[];
}

/** The beginning of a file, from which its form is recognised. */
export interface Head {
  /** For a binary file. */
  bytes: Buffer;
  /** The first non-empty line, trimmed; only its beginning if the line is very long. */
  line: string;
  /** Its number. */
  number: number;
  /** As much of the file from that line on as has been read. */
  text: string;
}

/**
 * How a list is written: data that the list itself lacks is looked up here; missing data is an error that
 * names it.
 */
export interface Writing {
  /** The documents with this label. */
  side(label: 0 | 1): ScoredDocument[];
  /** The query's text. */
  query(): string;
  queryIfKnown(): string | undefined;
  text(doc: ScoredDocument): string;
  /** A query's or document's id as the column has it. */
  id(id: string, column: 'query' | 'documents'): string | number;
  tag: string;
  fail(expected: string, found: string): never;
}

/** How a binary form is written. */
export interface Binary {
  /** Whether the form has its own compression, so that its readers do not accept gzip. */
  compressed: boolean;
  pack(list: ScoredList, writing: Writing): unknown[];
  /** @param types of the ids; known from the first packed list on */
  encode(packed: AsyncIterable<unknown>, types: () => IdTypes | undefined): AsyncIterable<Uint8Array>;
}

export interface Form {
  /** Whether a file with this beginning has the form. Forms are tried in the order of their table. */
  tells(head: Head): boolean;
  /** Whether the beginning of the first line is enough, because the whole file may be one line. */
  early?(head: Head): boolean;
  read(file: Bytes, options: TeacherReadOptions): TeacherLists;
  /** The same lists, if they have only ids, scores and sides. */
  bytes?(file: Bytes, options: TeacherReadOptions): ByteLists;
  /** The lines of one list. */
  write?(list: ScoredList, writing: Writing): string[];
  /** The same lines, if they need only ids and scores. */
  writeBytes?: WriteBytes;
  /** Instead of `write`, for binary files: the data of one list, and the bytes of all. */
  binary?: Binary;
  /** The text before the first list, between lists and after the last, unless it is just line ends. */
  frame?: { before: string; between: string; after: string };
  /** Whether a query takes several lines, which must be consecutive. */
  spread?: boolean;
  /** Whether its ids may be numbers, the same in a whole column. */
  typedIds?: boolean;
  /** Characters that ids must not contain because they are separators. */
  idsWithout?: RegExp;
}

/** A reader of what {@link Records} parses piece by piece. */
export function reader<T>(
  parser: (options: TeacherReadOptions) => (line: string, number: number) => T | undefined,
  lists: (records: Records<T>) => AsyncIterable<ScoredList>,
  cut: (file: Bytes, maxBytes: number) => AsyncIterable<Line[]> = linesOf,
): Form['read'] {
  return (file, options) => {
    const blocks = cut(file, options.maxLineBytes ?? LONGEST_LINE);
    const records = new Records(file.path, parser(options), options, blocks);
    return counted(records, lists(records));
  };
}

/** Lists, with what their records left out. */
export const counted = (
  records: Pick<TeacherLists, 'skipped' | 'errors'>,
  lists: AsyncIterable<ScoredList>,
): TeacherLists => ({
  [Symbol.asyncIterator]: () => lists[Symbol.asyncIterator](),
  get skipped() {
    return records.skipped;
  },
  get errors() {
    return records.errors;
  },
});

/** A reader at bytes. */
export const byteReader = (make: MakeReader): Pick<Form, 'read'> & Required<Pick<Form, 'bytes'>> => ({
  read: (file, options) => {
    const lists = byteLists(make, file, options);
    return counted(lists, scoredLists(lists));
  },
  bytes: (file, options) => byteLists(make, file, options),
});

/** A reader of a form whose every line or piece is a list. */
export const listReader = (
  parse: (text: string) => ScoredList,
  cut?: (file: Bytes, maxBytes: number) => AsyncIterable<Line[]>,
): Form['read'] =>
  reader(
    () => parse,
    (records) => records,
    cut,
  );

/** A reader of a form whose lists are objects, each on its own line, or all of them in one array. */
export const objectReader = (
  parser: (options: TeacherReadOptions) => (record: Fields) => ScoredList,
): Form['read'] =>
  reader(
    (options) => {
      const parse = parser(options);
      return (text) => parse(parseObject(text));
    },
    (records) => records,
    objects,
  );
