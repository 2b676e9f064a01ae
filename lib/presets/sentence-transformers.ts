// sentence-transformers (version 6): its distillation and contrastive losses.
import { positive } from './arguments.js';
import type { Preset } from './preset.js';

/** sentence-transformers, `sentence_transformers.sentence_transformer.losses`. */
export const sentenceTransformers = {
  /** `MarginMSELoss`: mean squared error of the margins; one positive per query, the same number of negatives for each. */
  marginMse: (): Preset<'mean'> => ({ terms: [{ loss: 'marginMse' }], reduction: 'mean' }),

  /**
   * `DistillKLDivLoss`: the loss times the square of the student's temperature. Before version 6 there was one temperature for both sides.
   * @param temperature of both sides, where neither has its own. `SparseDistillKLDivLoss` has 2 as its default
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
};
