// Brings features to one scale, and measures the spread of the teacher's scores, both as seen in the training lists.
import type { CandidateList } from '../../training/candidates.js';
import type { FeatureList } from './lists.js';

export interface Scale {
  /** Per feature, over all documents. */
  mean: Float64Array;
  /** Per feature: the standard deviation within lists, which alone matters for a ranking; 1 for a feature that never varies. */
  deviation: Float64Array;
}

/** The standard deviation of one quantity within lists, pooled over the lists. */
function pooledDeviation<L extends CandidateList>(
  lists: readonly L[],
  value: (list: L, document: number) => number,
): number {
  let squares = 0;
  let count = 0;
  for (const list of lists) {
    const n = list.docids.length;
    // From the first value on, so that equal values deviate by exactly 0.
    const from = n > 0 ? value(list, 0) : 0;
    let mean = 0;
    for (let i = 0; i < n; i++) mean += (value(list, i) - from) / n;
    for (let i = 0; i < n; i++) squares += (value(list, i) - from - mean) ** 2;
    count += n;
  }
  return Math.sqrt(squares / Math.max(1, count));
}

/** The standard deviation of the teacher's scores within lists, pooled over the lists. */
export function teacherDeviation(lists: readonly CandidateList[]): number {
  return pooledDeviation(lists, (list, i) => list.teacher[i]);
}

/** Measures the features of the training lists. */
export function measureScale(lists: readonly FeatureList[], features: number): Scale {
  const mean = new Float64Array(features);
  const deviation = new Float64Array(features);
  const documents = lists.reduce((total, list) => total + list.docids.length, 0);
  for (let f = 0; f < features; f++) {
    for (const list of lists)
      for (let i = 0; i < list.docids.length; i++) mean[f] += list.features[i * features + f];
    mean[f] /= Math.max(1, documents);
    deviation[f] = pooledDeviation(lists, (list, i) => list.features[i * features + f]) || 1;
  }
  return { mean, deviation };
}

/** The lists with standardised features; the originals stay as they are. */
export function standardise(lists: readonly FeatureList[], { mean, deviation }: Scale): FeatureList[] {
  const width = mean.length;
  return lists.map((list) => ({
    ...list,
    features: list.features.map((value, i) => (value - mean[i % width]) / deviation[i % width]),
  }));
}
