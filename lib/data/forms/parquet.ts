// A teacher's scores in Parquet: the column names determine the layout, and each row is read as an object of
// the JSON form of that name.
import { DataError, excerpt } from '../errors.js';
import type { Fields, Row as TableRow } from '../lines.js';
import { columnsOf, isParquet, rowsOf } from '../parquet/rows.js';
import { Records } from '../records.js';
import { counted, type Form, type Head, type TeacherReadOptions } from './form.js';
import { parseFlagEmbedding, parsePylate, parseSimlm, unlabelled } from './lists.js';
import { parseHardNegatives, parseRankLlm, parseTevatron, parseTuple } from './more-lists.js';
import { groupRows, headerOf, parseRowObject, type Row } from './rows.js';
import type { ScoredList } from './scored.js';

export const isParquetHead = ({ bytes }: Head): boolean => isParquet(bytes);

/** One way to lay out lists in columns. */
interface Layout {
  /** Whether columns of these names are such lists. */
  tells(names: readonly string[]): boolean;
  /** The columns to read; all if undefined. */
  columns?(names: readonly string[]): readonly string[];
  parse(options: TeacherReadOptions): (fields: Fields) => ScoredList | Row;
}

const has =
  (...needed: string[]) =>
  (names: readonly string[]): boolean =>
    needed.every((name) => names.includes(name));

const PYLATE = ['query_id', 'document_ids', 'scores'];

const ROWS: Layout = {
  tells: (names) => headerOf(names) !== undefined,
  columns: (names) => Object.values(headerOf(names)!).map((i: number) => names[i]),
  parse: () => parseRowObject,
};

/** In the order in which columns are asked for them. */
const LAYOUTS: readonly Layout[] = [
  { tells: has(...PYLATE), columns: () => PYLATE, parse: unlabelled(parsePylate) },
  { tells: has('positive_passages'), parse: () => parseTevatron },
  { tells: has('positives', 'negatives'), parse: () => parseSimlm },
  { tells: has('query', 'candidates'), parse: () => parseRankLlm },
  { tells: has('qid', 'pos', 'neg'), parse: () => parseHardNegatives },
  { tells: has('query', 'pos', 'neg'), parse: () => parseFlagEmbedding },
  ROWS,
  {
    tells: (names) =>
      names.length > 2 && ['scores', 'score', 'labels', 'label'].some((name) => names.includes(name)),
    parse: () => parseTuple,
  },
];

/**
 * Reads such a file, or the files of a folder or pattern. Only the needed part of one row group is in memory.
 */
export const readParquet: Form['read'] = ({ path, chunks }, options) => {
  let parse: ((fields: Fields) => ScoredList | Row) | undefined;
  let layout: Layout | undefined;
  const rows = (): AsyncGenerator<TableRow[]> => rowsOf(path, (names) => layout!.columns?.(names));
  const blocks = { [Symbol.asyncIterator]: rows };
  const records = new Records<ScoredList | Row>(
    path,
    () => undefined,
    options,
    blocks,
    (fields) => parse!(fields),
  );
  async function* lists(): AsyncGenerator<ScoredList> {
    // Parquet is read from its end, so the stream opened to look at the beginning is of no use.
    await chunks.return();
    layout = layoutOf(path, await columnsOf(path));
    parse = layout.parse(options);
    yield* layout === ROWS ? groupRows(records as Records<Row>) : (records as Records<ScoredList>);
  }
  return counted(records, lists());
};

function layoutOf(path: string, names: readonly string[]): Layout {
  const found = `the columns ${names.slice(0, 12).map(excerpt).join(', ') || 'of an empty schema'}`;
  if (names.join() === 'query-id,corpus-id,score')
    throw new DataError(path, 0, "a teacher's scores", `judgements (qrels): ${found}`);
  const layout = LAYOUTS.find(({ tells }) => tells(names));
  if (layout) return layout;
  throw new DataError(
    path,
    0,
    'the columns "query_id", "document_ids", "scores" (PyLate), "query_id", "doc_id", "score", or those of another form of teacher scores',
    found,
  );
}
