// NeMo AutoModel: InfoNCE and its distillation.
import { positive } from './arguments.js';
import type { Preset } from './preset.js';

/**
 * NeMo AutoModel, `nemo_automodel/components/loss/infonce.py`, direction `q2d`. A row holds the documents of all queries of the batch, then the
 * query's own hard negatives (label 255 where there are fewer); without in-batch negatives, its document and its hard negatives.
 * `d2q` is the same loss on the transposed matrix without hard negatives, `symmetric` the mean of the two.
 */
export const nemo = {
  /**
   * `infonce_distill_loss`, divergence `kl`: one temperature for both sides, no factor T². Divergence `ce` has the same gradient; its value is
   * larger by the mean entropy of the teacher. `mse`, between probabilities, has no counterpart here.
   */
  infoNceDistill: (temperature = 0.05): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    studentTemperature: positive('temperature', temperature),
    teacherTemperature: temperature,
    reduction: 'mean',
  }),

  /** `infonce_loss`: cross-entropy on the query's own document. */
  infoNce: (temperature = 0.05): Preset<'mean'> => ({
    terms: [{ loss: 'nll' }],
    studentTemperature: positive('temperature', temperature),
    reduction: 'mean',
  }),
};
