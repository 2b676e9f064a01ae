// What a form of teacher files is: how a file shows it, how it is read, how a list is written in it.
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

/** The beginning of a file, by which its form is told. */
export interface Head {
  /** Of a file that is no text. */
  bytes: Buffer;
  /** The first line with anything in it, trimmed; only its beginning where the line is very long. */
  line: string;
  /** Its number. */
  number: number;
  /** As much of the file from that line on as has been read. */
  text: string;
}

/** How a list is written: what the list itself lacks is looked up here, or is an error that names it. */
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

/** How a form that is no text is written. */
export interface Binary {
  /** Whether it is compressed by itself, so that its readers take no gzip. */
  compressed: boolean;
  pack(list: ScoredList, writing: Writing): unknown[];
  /** @param types of the ids; known from the first packed list on */
  encode(packed: AsyncIterable<unknown>, types: () => IdTypes | undefined): AsyncIterable<Uint8Array>;
}

export interface Form {
  /** Whether a file that begins like this has the form. Forms are asked in the order of their table. */
  tells(head: Head): boolean;
  /** Whether the beginning of a first line is enough to tell, where the whole file may be one line. */
  early?(head: Head): boolean;
  read(file: Bytes, options: TeacherReadOptions): TeacherLists;
  /** The same lists, where they have nothing but ids, scores and sides. */
  bytes?(file: Bytes, options: TeacherReadOptions): ByteLists;
  /** The lines of one list. */
  write?(list: ScoredList, writing: Writing): string[];
  /** The same lines, where they take nothing but ids and scores. */
  writeBytes?: WriteBytes;
  /** In place of `write`, where a file is no text: what is written of one list, and the bytes of all. */
  binary?: Binary;
  /** What stands before the first list, between two and after the last, where that is more than line ends. */
  frame?: { before: string; between: string; after: string };
  /** Whether a query takes several lines, which must stand together. */
  spread?: boolean;
  /** Whether its ids may be numbers, alike in a whole column. */
  typedIds?: boolean;
  /** What no id may hold, as it would part it. */
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
