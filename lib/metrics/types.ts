// The two tables that every measure reads: retrieved documents with scores, and judged documents with levels.

/** Scores of the retrieved documents, per query, in the order they were written: query id -> document id -> score. */
export type Run = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Judgements: query id -> document id -> level (0 = judged not relevant, 1 and up = relevant, below 0 = not judged). */
export type Qrels = ReadonlyMap<string, ReadonlyMap<string, number>>;
