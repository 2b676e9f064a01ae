// Reads the name of a measure ("ndcg@10", "mrr@10", or trec_eval's "ndcg_cut_10") and finds its function.
import {
  placedAveragePrecision,
  placedNdcg,
  placedPrecision,
  placedRecall,
  placedReciprocalRank,
  type Judged,
} from './measures.js';
import { placedOf, type Placed } from './placed.js';

/** A measure of one query, ready to be applied. */
export interface Measure {
  /** The name as given. */
  name: string;
  of(ranked: readonly string[], judged: Judged, relevant: number): number;
  /** The same from the ranks of judged documents or, with `relevant` below 1, of all documents. */
  ofPlaced(placed: Placed, relevant: number): number;
}

type Family = 'ndcg' | 'mrr' | 'recall' | 'precision' | 'map';

const SPELLINGS: Record<string, Family> = {
  ndcg: 'ndcg',
  ndcg_cut: 'ndcg',
  mrr: 'mrr',
  recip_rank: 'mrr',
  recall: 'recall',
  p: 'precision',
  precision: 'precision',
  map: 'map',
  map_cut: 'map',
};

const OF: Record<Family, (placed: Placed, k: number, relevant: number) => number> = {
  ndcg: placedNdcg,
  mrr: placedReciprocalRank,
  recall: placedRecall,
  precision: placedPrecision,
  map: placedAveragePrecision,
};

/** The names that {@link parseMeasure} takes, for help texts and errors. */
export const MEASURE_HELP =
  'ndcg, mrr, recall, precision (or P), map, each with @k; or the names of trec_eval';

/**
 * @param name `ndcg@10`, `mrr@10`, `recall@100`, `P@5`, `map`, …, or trec_eval's `ndcg_cut_10`, `recip_rank`, `recall_100`, `P_5`.
 *   Without a cutoff the whole list counts; precision needs one.
 * @throws RangeError if there is no such measure, or the cutoff is not a positive integer
 */
export function parseMeasure(name: string): Measure {
  const match = /^([a-z_]+?)(?:[@_.](\d+))?$/i.exec(name.trim());
  const family = match && SPELLINGS[match[1].toLowerCase()];
  if (!family) throw new RangeError(`unknown measure ${JSON.stringify(name)}; there are ${MEASURE_HELP}`);
  const k = match[2] === undefined ? Infinity : Number(match[2]);
  if (k < 1) throw new RangeError(`measure ${JSON.stringify(name)}: the cutoff must be 1 or more`);
  if (family === 'precision' && k === Infinity)
    throw new RangeError(`measure ${JSON.stringify(name)} needs a cutoff, such as P@10`);
  const measured = OF[family];
  return {
    name,
    of: (ranked, judged, relevant) => measured(placedOf(ranked, judged), k, relevant),
    ofPlaced: (placed, relevant) => measured(placed, k, relevant),
  };
}
