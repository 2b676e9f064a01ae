// The common shape of all teacher files: one query with its documents, the teacher's score of each, a label where known.

export interface ScoredDocument {
  docid: string;
  /** The teacher's score: any finite number. */
  score: number;
  /** 1 positive, 0 negative; undefined where the file does not say. */
  label?: 0 | 1;
  /** The document's text, from files that carry texts (FlagEmbedding, Tevatron, rank_llm, sentence-transformers). */
  text?: string;
}

export interface ScoredList {
  qid: string;
  /** The query's text, from files that carry it. */
  query?: string;
  docs: ScoredDocument[];
  /** How the file has its ids, where it can hold both numbers and texts (JSON, Parquet, pickles). */
  ids?: IdTypes;
}

/** How the ids of a list stand in its file. */
export interface IdTypes {
  query: IdType;
  documents: IdType;
}

/** An id as JSON holds it. */
export type IdType = 'number' | 'text';
