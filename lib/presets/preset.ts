// The type of presets, and the loss of a preset.
import { combine } from '../index.js';
import { checkObject } from '../loss/options.js';
import { warnOfUnderflow } from './teacher-scale.js';
import type { Batch, CommonOptions, LossResult, PairParameters, Reduction, Term } from '../types.js';

/** Terms and options: `prepare('combine', { shape, ...preset })`, or `applyPreset(preset, batch)`. */
export interface Preset<R extends Reduction = Reduction> extends CommonOptions<R>, PairParameters {
  terms: readonly Term[];
}

/**
 * Computes the loss of a preset on one batch.
 *
 * Warns once in a process, with the code `CKL_TEACHER_UNDERFLOW`, of teacher scores that are too far apart for the preset's temperature.
 * @throws as the losses do
 */
export function applyPreset<R extends Reduction>(
  preset: Preset<R>,
  batch: Batch<Float32Array>,
): LossResult<R, Float32Array> {
  checkObject('preset', preset);
  const { terms, ...options } = preset;
  const result = combine(batch, terms, options);
  warnOfUnderflow(batch, options.teacherTemperature);
  return result;
}
