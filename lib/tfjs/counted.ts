// Which queries have what a loss needs: those that have not are left out of a mean.
import { losses, type LossName } from '../index.js';

const PADDING = 255;

interface Tally {
  documents: number;
  positives: number;
  negatives: number;
  /** Whether two documents differ in relevance. */
  graded: boolean;
}

const has = {
  document: ({ documents }: Tally) => documents > 0,
  positive: ({ positives }: Tally) => positives > 0,
  positiveAndNegative: ({ positives, negatives }: Tally) => positives > 0 && negatives > 0,
  orderedPair: ({ graded }: Tally) => graded,
};

/**
 * 1 for a query that at least one of the losses counts, else 0.
 *
 * @param docs documents a query, padding included
 * @param relevance default: the labels
 */
export function countedQueries(
  names: readonly LossName[],
  labels: Uint8Array,
  docs: number,
  relevance: ArrayLike<number> = labels,
): Float32Array {
  return Float32Array.from({ length: docs === 0 ? 0 : labels.length / docs }, (_, query) => {
    const tally: Tally = { documents: 0, positives: 0, negatives: 0, graded: false };
    let first: number | undefined;
    for (let i = query * docs; i < (query + 1) * docs; i++) {
      if (labels[i] === PADDING) continue;
      tally.documents++;
      if (labels[i] === 1) tally.positives++;
      else tally.negatives++;
      first ??= relevance[i];
      if (relevance[i] !== first) tally.graded = true;
    }
    return names.some((name) => has[losses[name].needs](tally)) ? 1 : 0;
  });
}
