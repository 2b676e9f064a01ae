// The two tables every measure reads: who was retrieved with what score, and who is relevant to what degree.

/** Scores of the retrieved documents, per query, in the order they were written: query id -> document id -> score. */
export type Run = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Judgements: query id -> document id -> level (0 = judged not relevant, 1 and up = relevant, below 0 = not judged). */
export type Qrels = ReadonlyMap<string, ReadonlyMap<string, number>>;
