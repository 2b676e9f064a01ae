// A ranked list in the form that measures use: the ranks of judged documents, and all judgements of the
// query.

/** The result of one query's ranking. */
export interface Placed {
  /** Ranks from 1, ascending: at least those of all judged documents in the ranking. */
  readonly ranks: ArrayLike<number>;
  /** The level of each; 0 for an unjudged document. */
  readonly levels: ArrayLike<number>;
  /** The levels of all judged documents, in the ranking or not. */
  readonly judged: ArrayLike<number>;
}

/** A run whose judged documents are ranked. Queries are those of the judgements, numbered from 0. */
export interface RankedRun {
  readonly queries: number;
  qid(query: number): string;
  /** Whether the run has the query. */
  lists(query: number): boolean;
  /** The levels of all judged documents of a query. */
  judged(query: number): ArrayLike<number>;
  /** @param ignoreIdentical leave out the document that has the id of its query */
  placed(query: number, ignoreIdentical: boolean): Placed;
}

/** @param ranked document ids, best first */
export function placedOf(ranked: readonly string[], judged: ReadonlyMap<string, number>): Placed {
  const ranks = new Float64Array(ranked.length);
  const levels = new Float64Array(ranked.length);
  for (let i = 0; i < ranked.length; i++) {
    ranks[i] = i + 1;
    levels[i] = judged.get(ranked[i]) ?? 0;
  }
  return { ranks, levels, judged: Float64Array.from(judged.values()) };
}
