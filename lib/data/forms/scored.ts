// The common shape of all teacher files: one query with its documents, the teacher's score of each, and a
// label if known.

export interface ScoredDocument {
  docid: string;
  /** The teacher's score: any finite number. */
  score: number;
  /** 1 positive, 0 negative; undefined if the file does not have it. */
  label?: 0 | 1;
  /** The document's text, from files that carry texts (FlagEmbedding, Tevatron, rank_llm, sentence-transformers). */
  text?: string;
}

export interface ScoredList {
  qid: string;
  /** The query's text, from files that carry it. */
  query?: string;
  docs: ScoredDocument[];
  /** How the file represents ids, if it can contain both numbers and strings (JSON, Parquet, pickles). */
  ids?: IdTypes;
}

/** How the ids of a list stand in its file. */
export interface IdTypes {
  query: IdType;
  documents: IdType;
}

/** An id as represented in JSON. */
export type IdType = 'number' | 'text';
