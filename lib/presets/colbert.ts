// ColBERT v2: its distillation loss.
import { positive } from './arguments.js';
import type { Preset } from './preset.js';

/** ColBERT v2, `colbert/training/training.py`. */
export const colbert = {
  /** `KLDivLoss(reduction='batchmean', log_target=True)` with the teacher's scores times `distillation_alpha`. */
  distillation: (distillationAlpha = 1): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    teacherTemperature: 1 / positive('distillationAlpha', distillationAlpha),
    reduction: 'mean',
  }),
};
