// Readers of BEIR folders: corpus and queries as streams, or a whole folder.
import type { Qrels } from '../metrics/types.js';
import { openBeir } from './beir-folder.js';
import { BadLine, excerpt } from './errors.js';
import { IdList } from './id-list.js';
import { recordsOf } from './parquet/tables.js';
import type { Records, ReadOptions } from './records.js';
import { Room } from './room.js';
import { loadQrels } from './trec.js';
import { asId, asText, parseObject } from './values.js';

export interface Document {
  id: string;
  /** `''` if there is none. */
  title: string;
  text: string;
}

export interface Query {
  id: string;
  text: string;
}

/**
 * Column names of Parquet files on the hub, as used by BEIR, MTEB, PyLate, sentence-transformers and
 * Tevatron.
 */
const DOCUMENT_IDS = [
  '_id',
  'id',
  'document_id',
  'doc_id',
  'docid',
  'docno',
  'passage_id',
  'pid',
  'corpus-id',
  'corpus_id',
];
const QUERY_IDS = ['_id', 'id', 'query_id', 'query-id', 'qid'];
const CORPUS = {
  id: { names: DOCUMENT_IDS },
  title: { names: ['title'], optional: true },
  text: { names: ['text', 'passage', 'document', 'contents'] },
} as const;
const QUERIES = { id: { names: QUERY_IDS }, text: { names: ['text', 'query'] } } as const;

/**
 * Streams `{"_id", "title"?, "text"}` lines, or the rows of Parquet files (a file, a folder, or a pattern with `*`) with columns `_id` or `id` (or
 * `document_id`, `docid`, …), `title` if there is one, and `text`.
 */
export function readCorpus(path: string, options?: ReadOptions): Records<Document> {
  return recordsOf(
    path,
    (line): Document => {
      const { _id, title, text } = parseObject(line);
      return { id: asId(_id, '"_id"'), title: asText(title ?? '', '"title"'), text: asText(text, '"text"') };
    },
    CORPUS,
    ({ values: { id, title, text }, column }) => ({
      id: asId(id, `"${column.id}"`),
      title: asText(title ?? '', '"title"'),
      text: asText(text, `"${column.text}"`),
    }),
    options,
  );
}

/** Streams `{"_id", "text"}` lines, or the rows of Parquet files with columns `_id` or `id` (or `query_id`, `qid`) and `text` (or `query`). */
export function readQueries(path: string, options?: ReadOptions): Records<Query> {
  return recordsOf(
    path,
    (line): Query => {
      const { _id, text } = parseObject(line);
      return { id: asId(_id, '"_id"'), text: asText(text, '"text"') };
    },
    QUERIES,
    ({ values: { id, text }, column }) => ({
      id: asId(id, `"${column.id}"`),
      text: asText(text, `"${column.text}"`),
    }),
    options,
  );
}

/**
 * The records, with unique ids.
 *
 * @throws DataError at a repeated id; with `skipBad` it is counted
 */
export async function* distinct<T extends { id: string }>(records: Records<T>): AsyncGenerator<T> {
  const seen = new IdList();
  for await (const record of records) {
    if (seen.add(record.id)) yield record;
    else records.refuse(repeated(record.id));
  }
}

/** The error for a line with a repeated id. */
export const repeated = (id: string): BadLine => new BadLine('each id once', `${excerpt(id)} again`);

/** A BEIR folder in memory. */
export interface Beir {
  /** Document id -> document. */
  corpus: Map<string, Document>;
  /** Query id -> text. */
  queries: Map<string, string>;
  /** Split -> judgements. */
  qrels: Map<string, Qrels>;
}

/**
 * Reads a whole BEIR folder. For a corpus larger than memory use {@link openBeir} and {@link readCorpus}.
 *
 * @throws DataError for a missing file or, without `skipBad`, a bad line
 */
export async function loadBeir(dir: string, options?: ReadOptions): Promise<Beir> {
  const folder = await openBeir(dir);
  const corpus = new Map<string, Document>();
  const room = (path: string) => new Room(path, 'readCorpus and readQueries give them one by one');
  const inCorpus = room(folder.corpus);
  for await (const document of distinct(readCorpus(folder.corpus, options))) {
    inCorpus.take(corpus, 'documents');
    corpus.set(document.id, document);
  }
  const queries = new Map<string, string>();
  const inQueries = room(folder.queries);
  for await (const query of distinct(readQueries(folder.queries, options))) {
    inQueries.take(queries, 'queries');
    queries.set(query.id, query.text);
  }
  const qrels = new Map<string, Qrels>();
  for (const [split, path] of folder.qrels) qrels.set(split, await loadQrels(path, options));
  return { corpus, queries, qrels };
}
