// sentence-transformers (version 6): its distillation and contrastive losses, and its cross-encoders' losses of pairs.
import { nonNegative, oneOf, positive } from './arguments.js';
import type { Preset } from './preset.js';
import type { Term } from '../types.js';

/** More documents than any list has: NDCG without a cut-off. */
const ALL = 2 ** 24;

/** sentence-transformers, `sentence_transformers.sentence_transformer.losses`; of cross-encoders `sentence_transformers.cross_encoder.losses`. */
export const sentenceTransformers = {
  /** `MarginMSELoss`: mean squared error of the margins; one positive per query, the same number of negatives for each. */
  marginMse: (): Preset<'mean'> => ({ terms: [{ loss: 'marginMse' }], reduction: 'mean' }),

  /**
   * `DistillKLDivLoss`: the loss times the square of the student's temperature. Before version 6 there was one temperature for both sides.
   * @param temperature of both sides, unless a side has its own. The default of `SparseDistillKLDivLoss` is 2
   */
  distillKlDiv: (
    temperature = 1,
    sides: { studentTemperature?: number; teacherTemperature?: number } = {},
  ): Preset<'mean'> => {
    const { studentTemperature = temperature, teacherTemperature = temperature } = sides;
    return {
      terms: [{ loss: 'kl', weight: positive('studentTemperature', studentTemperature) ** 2 }],
      studentTemperature,
      teacherTemperature: positive('teacherTemperature', teacherTemperature),
      reduction: 'mean',
    };
  },

  /** `MultipleNegativesRankingLoss`: cross-entropy over the in-batch matrix of similarities times `scale`. */
  multipleNegativesRanking: (scale = 20): Preset<'mean'> => ({
    terms: [{ loss: 'nll' }],
    studentTemperature: 1 / positive('scale', scale),
    reduction: 'mean',
  }),

  /**
   * `RankNetLoss` of cross-encoders without `k`: the mean over all pairs of the batch. Give its labels as `relevance`.
   * @param sigma multiplies the scores' differences
   * @param log `reduction_log`
   */
  rankNet: (sigma = 1, log: ReductionLog = 'binary'): Preset<'mean'> =>
    ofPairs({ loss: 'rankNet' }, sigma, log),

  /**
   * `LambdaLoss` of cross-encoders with `NDCGLoss2PPScheme(mu)`, without `k`; mu 0 is `LambdaRankScheme`. The mean over all pairs of the batch.
   * Give its labels, all 0 or more, as `relevance`.
   *
   * Their `k` counts a pair if both documents are among the first k, whereas that of `lambdaNdcg` counts it
   * if one of them is, so a smaller k gives a different loss.
   * @param mu weight of NDCG-Loss2 relative to LambdaRank
   * @param sigma multiplies the scores' differences
   * @param log `reduction_log`
   */
  lambdaLoss: (mu = 10, sigma = 1, log: ReductionLog = 'binary'): Preset<'mean'> =>
    ofPairs({ loss: 'lambdaNdcg', k: ALL, mu: nonNegative('mu', mu) }, sigma, log),
};

/** The logarithm of the pairwise losses: log2, their default, or ln. */
export type ReductionLog = 'binary' | 'natural';

function ofPairs(term: Term, sigma: number, log: ReductionLog): Preset<'mean'> {
  return {
    terms: [{ ...term, weight: oneOf('log', log, ['binary', 'natural']) === 'binary' ? 1 / Math.LN2 : 1 }],
    studentTemperature: 1 / positive('sigma', sigma),
    reduction: 'mean',
    pairMean: 'batch',
  };
}
