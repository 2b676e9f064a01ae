// The records of runs and judgements, and the names of their columns in Parquet and JSON.
import type { Picked } from './parquet/tables.js';
import { asId, asScore, asWhole } from './values.js';

/** One line of a run. */
export interface RunEntry {
  qid: string;
  docid: string;
  /**
   * As written; files number from 0 or from 1, and some have meaningless ranks. NaN if it is missing or not
   * an integer.
   */
  rank: number;
  /** Infinite if written as `inf` or `-inf`. */
  score: number;
  /** The run's name: everything after the fifth column, or `''`. */
  tag: string;
  /** Whether the line is `query document rank`, without a score of its own. */
  byRank?: true;
}

/** One line of judgements. */
export interface Judgement {
  qid: string;
  docid: string;
  level: number;
}

/** The names of a document's column in Parquet and JSON. */
const DOCUMENT_COLUMNS = [
  'corpus-id',
  'corpus_id',
  'docno',
  'docid',
  'doc_id',
  'document_id',
  'passage_id',
  'pid',
  'did',
];

export const RUN_COLUMNS = {
  query: { names: ['qid', 'query_id', 'query-id', 'query', 'topic'] },
  document: { names: DOCUMENT_COLUMNS },
  score: { names: ['score'] },
  rank: { names: ['rank'], optional: true },
} as const;

export function runRow({ values, column }: Picked<keyof typeof RUN_COLUMNS>): RunEntry {
  const { query, document, score, rank } = values;
  const infinite = score === Infinity || score === -Infinity;
  return {
    qid: asId(query, `"${column.query}"`),
    docid: asId(document, `"${column.document}"`),
    rank: rank === undefined ? NaN : asWhole(rank, '"rank"'),
    score: infinite ? score : asScore(score, `"${column.score}"`),
    tag: '',
  };
}

export const QRELS_COLUMNS = {
  query: { names: ['query-id', 'query_id', 'qid', 'topic'] },
  document: { names: DOCUMENT_COLUMNS },
  level: { names: ['score', 'relevance', 'rel', 'label', 'level'] },
} as const;

export function judgementRow({ values, column }: Picked<keyof typeof QRELS_COLUMNS>): Judgement {
  return {
    qid: asId(values.query, `"${column.query}"`),
    docid: asId(values.document, `"${column.document}"`),
    level: asWhole(values.level, `"${column.level}"`),
  };
}
