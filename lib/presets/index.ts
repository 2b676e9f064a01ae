// The distillation losses of other libraries, in their own scaling, as settings of this package's losses. docs/guide/migrating.md has the
// table; test/js/presets compares each with its published definition.
export {
  authors,
  authorsBias,
  type AuthorsBklOptions,
  type AuthorsCklOptions,
  type AuthorsKlLogLOptions,
  authorsLoss,
  type AuthorsLoss,
  type AuthorsLossOptions,
  type AuthorsOptions,
  authorsWeights,
  type LossAndGradient,
} from './authors.js';
export { colbert } from './colbert.js';
export { flagEmbedding, m3Kd } from './flag-embedding.js';
export { nemo } from './nemo.js';
export { applyPreset, type Preset } from './preset.js';
export { minMax, pylate } from './pylate.js';
export { type ReductionLog, sentenceTransformers } from './sentence-transformers.js';
export { teacherUnderflow, type TeacherUnderflow, warnOfUnderflow } from './teacher-scale.js';
export { inBatchTeacher, tevatron } from './tevatron.js';
