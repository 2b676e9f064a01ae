// Tables with one scored pair per row, `query document score`: tsv, csv, and JSON lines.
import { BadLine, excerpt } from '../errors.js';
import type { Fields } from '../lines.js';
import type { Records } from '../records.js';
import { asId, asScore, parseNumber } from '../values.js';
import { idTypesOf, joinTypes, namesOf } from './lists.js';
import type { IdTypes, ScoredDocument, ScoredList } from './scored.js';

/** A row of such a table. */
export interface Row extends ScoredDocument {
  qid: string;
  /** How its ids are given, if the file can contain numbers and strings. */
  ids?: IdTypes;
}

/** The meaning of column names in all usual spellings; names of ids come before names that may be texts. */
const NAMES = {
  query: ['qid', 'queryid', 'topicid', 'query', 'topic', 'q'],
  document: [
    'docno',
    'docid',
    'did',
    'documentid',
    'pid',
    'passageid',
    'corpusid',
    'doc',
    'document',
    'passage',
  ],
  score: ['score', 'cescore', 'teacherscore', 'similarity'],
} as const;

const plainName = (name: string): string => name.toLowerCase().replaceAll(/[-_ ]/g, '');

function find(names: readonly string[], what: keyof typeof NAMES): number {
  const plain = names.map(plainName);
  for (const name of NAMES[what]) if (plain.includes(name)) return plain.indexOf(name);
  return -1;
}

interface Columns {
  query: number;
  document: number;
  score: number;
}

/** The positions and number of a table's columns, from its first line; set before a row is read. */
export interface Header {
  columns?: Columns;
  width?: number;
}

/**
 * The positions of the three columns in a header; undefined if these names are not a header, or are that of
 * BEIR's judgements.
 */
export function headerOf(names: readonly string[]): Columns | undefined {
  if (names.join() === 'query-id,corpus-id,score') return undefined;
  const columns = {
    query: find(names, 'query'),
    document: find(names, 'document'),
    score: find(names, 'score'),
  };
  return Math.min(columns.query, columns.document, columns.score) < 0 ? undefined : columns;
}

/** Whether an object's names are those of a row. */
export const isRow = (record: object): boolean => headerOf(Object.keys(record)) !== undefined;

export const splitTabs = (line: string): string[] => line.split('\t').map((column) => column.trim());

/** The columns of a line with commas, some of them in double quotes. */
export function splitCommas(line: string): string[] {
  if (!line.includes('"')) return line.split(',').map((column) => column.trim());
  const columns: string[] = [];
  for (let at = 0; at <= line.length;) {
    while (line[at] === ' ') at++;
    if (line[at] !== '"') {
      const comma = line.indexOf(',', at);
      const end = comma < 0 ? line.length : comma;
      columns.push(line.slice(at, end).trim());
      at = end + 1;
      continue;
    }
    let end = line.indexOf('"', at + 1);
    while (end >= 0 && line[end + 1] === '"') end = line.indexOf('"', end + 2);
    if (end < 0) throw new BadLine('a closing quote in the same line', excerpt(line.slice(at)));
    columns.push(line.slice(at + 1, end).replaceAll('""', '"'));
    const after = /^\s*(,|$)/.exec(line.slice(end + 1, end + 100));
    if (!after) throw new BadLine('a comma after a quoted column', excerpt(line.slice(end + 1)));
    at = end + 1 + after[0].length;
    if (after[1] === '') break;
  }
  return columns;
}

/**
 * The parser of one table: the first line may be a header, which gives the positions of the columns;
 * otherwise there are exactly these three.
 */
export function rowParser(
  split: (line: string) => string[],
  header: Header = {},
): (line: string) => Row | undefined {
  return (line) => {
    const cells = split(line);
    if (!header.columns) {
      header.columns = headerOf(cells);
      if (header.columns) {
        header.width = cells.length;
        return undefined;
      }
      header.columns = { query: 0, document: 1, score: 2 };
      header.width = 3;
    }
    const { columns, width } = header;
    if (cells.length !== width)
      throw new BadLine(
        width === 3 ? '3 columns: query, document, score' : `${width} columns, as in the header`,
        `${cells.length} in ${excerpt(line)}`,
      );
    const [qid, docid, score] = [cells[columns.query], cells[columns.document], cells[columns.score]];
    if (qid === '' || docid === '')
      throw new BadLine('an id of the query and of the document', excerpt(line));
    return { qid, docid, score: parseNumber(score, 'score') };
  };
}

/** The error for a row that scores a document again. */
export const scoredTwice = (qid: string, docid: string, known: number, score: number): BadLine =>
  new BadLine(`one score of document ${excerpt(docid)} for query ${excerpt(qid)}`, `${known} and ${score}`);

/** A row as an object: `{"query_id", "doc_id", "score"}`, under any usual names; other names are passed over. */
export function parseRowObject(record: Fields): Row {
  const names = Object.keys(record);
  const columns =
    headerOf(names) ??
    (names.join() === 'query-id,corpus-id,score' ? { query: 0, document: 1, score: 2 } : undefined);
  if (!columns)
    throw new BadLine(
      'a query, a document and a score (such as "qid", "docno", "score")',
      `an object with ${namesOf(record)}`,
    );
  const [query, document, score] = [names[columns.query], names[columns.document], names[columns.score]];
  return {
    qid: asId(record[query], `"${query}"`),
    docid: asId(record[document], `"${document}"`),
    score: asScore(record[score], `"${score}"`),
    ids: idTypesOf(record[query], [record[document]]),
  };
}

/**
 * Gathers rows as long as the query stays the same, so that one list is in memory. A query that reappears
 * becomes another list.
 *
 * @throws DataError if a list has a document twice with different scores
 */
export async function* groupRows(records: Records<Row>): AsyncGenerator<ScoredList> {
  let list: ScoredList | undefined;
  let seen = new Map<string, number>();
  for await (const batch of records.batches())
    for (const { qid, docid, score, ids } of batch) {
      if (list?.qid !== qid) {
        if (list) yield list;
        list = { qid, docs: [], ...(ids && { ids }) };
        seen = new Map();
      }
      const known = seen.get(docid);
      if (known !== undefined && known !== score) {
        records.refuse(scoredTwice(qid, docid, known, score));
        continue;
      }
      if (known !== undefined) continue;
      seen.set(docid, score);
      list.docs.push({ docid, score });
      if (ids?.documents === 'text' || ids?.query === 'text') list.ids = joinTypes(list.ids!, ids);
    }
  if (list) yield list;
}
