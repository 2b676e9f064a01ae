// The common shape of all teacher files: one query with its documents, the teacher's score of each, a label where known.

export interface ScoredDocument {
  docid: string;
  /** The teacher's score: any finite number. */
  score: number;
  /** 1 positive, 0 negative; undefined where the file does not say. */
  label?: 0 | 1;
  /** The document's text, from files that carry texts (FlagEmbedding). */
  text?: string;
}

export interface ScoredList {
  qid: string;
  /** The query's text, from files that carry it (FlagEmbedding, SimLM). */
  query?: string;
  docs: ScoredDocument[];
  /** How the file has its ids, where it is JSON that can hold both numbers and texts (ColBERT, PyLate). */
  ids?: { query: IdType; documents: IdType };
}

/** An id as JSON holds it. */
export type IdType = 'number' | 'text';

/**
 * The forms of teacher files.
 *
 * | form | a line |
 * | --- | --- |
 * | `trec` | `query Q0 document rank score tag`, the lines of a query together |
 * | `colbert` | `[query, [document, score], …]` |
 * | `pylate` | `{"query_id", "document_ids": […], "scores": […]}` |
 * | `flagembedding` | `{"query", "pos": [texts], "neg": [texts], "pos_scores", "neg_scores"}`; optional `query_id`, `pos_id`, `neg_id` |
 * | `simlm` | `{"query_id", "query", "positives": {"doc_id", "score"}, "negatives": {"doc_id", "score"}}` |
 * | `hofstaetter` | `positive's score ⇥ negative's score ⇥ query ⇥ positive ⇥ negative`, one pair a line |
 */
export const TEACHER_FORMS = ['trec', 'colbert', 'pylate', 'flagembedding', 'simlm', 'hofstaetter'] as const;
export type TeacherForm = (typeof TEACHER_FORMS)[number];
