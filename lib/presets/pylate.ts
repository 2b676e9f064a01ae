// PyLate: its distillation and contrastive losses, and the normalisation of scores before the first.
import { lengthOf } from '../loss/intrinsics.js';
import { checkFloats, positive, readLists } from './arguments.js';
import type { Preset } from './preset.js';
import type { Layout } from '../types.js';

/** PyLate, `pylate.losses`. */
export const pylate = {
  /**
   * `Distillation` after `normalize_scores` (see {@link minMax}); with `sizeAverage` false, it sums over the
   * queries.
   */
  distillation: (sizeAverage = true): Preset<'mean' | 'sum'> => ({
    terms: [{ loss: 'kl' }],
    reduction: sizeAverage ? 'mean' : 'sum',
  }),

  /**
   * `Contrastive`: cross-entropy over the in-batch matrix. With n documents per query, those of query b have the columns b·n on, and the first
   * of them is its positive.
   */
  contrastive: (temperature = 1, sizeAverage = true): Preset<'mean' | 'sum'> => ({
    terms: [{ loss: 'nll' }],
    studentTemperature: positive('temperature', temperature),
    reduction: sizeAverage ? 'mean' : 'sum',
  }),
};

/**
 * PyLate's `normalize_scores`: each query's scores mapped to [0, 1], (s - min) / (max - min + 1e-8), over the documents that are not padding.
 * @returns the normalised scores, and `backward`, which takes the gradient with respect to them back to the scores themselves
 */
export function minMax(
  student: Float32Array,
  layout: Layout & { labels?: Uint8Array },
): { scores: Float32Array; backward(grad: Float32Array): Float32Array } {
  const { view, labels } = readLists('student', student, layout);
  const scores = new Float32Array(lengthOf(student));
  const rows: { documents: number[]; low: number; high: number; range: number }[] = [];
  for (let b = 0; b < view.queries && view.extent > 0; b++) {
    const documents: number[] = [];
    for (let i = view.begin(b); i < view.end(b); i++) if (labels?.[i] !== 255) documents.push(i);
    // The first of several: where the derivative goes when scores tie, as in PyTorch.
    const low = documents.reduce((a, i) => (student[i] < student[a] ? i : a), documents[0]);
    const high = documents.reduce((a, i) => (student[i] > student[a] ? i : a), documents[0]);
    const range = documents.length === 0 ? 1 : student[high] - student[low] + 1e-8;
    for (const i of documents) scores[i] = (student[i] - student[low]) / range;
    rows.push({ documents, low, high, range });
  }
  const backward = (grad: Float32Array): Float32Array => {
    const out = new Float32Array(scores.length);
    checkFloats('grad', grad, scores.length);
    for (const { documents, low, high, range } of rows) {
      let toHigh = 0;
      let toLow = 0;
      for (const i of documents) {
        out[i] = grad[i] / range;
        toHigh -= (grad[i] * scores[i]) / range;
        toLow -= (grad[i] * (1 - scores[i])) / range;
      }
      if (documents.length === 0) continue;
      out[high] += toHigh;
      out[low] += toLow;
    }
    return out;
  };
  return { scores, backward };
}
