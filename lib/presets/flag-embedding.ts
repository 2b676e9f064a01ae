// FlagEmbedding (BGE): the losses of its embedders and of its reranker.
import { nll } from '../index.js';
import { checkObject } from '../loss/options.js';
import { checkCount, checkFloats, positive } from './arguments.js';
import type { Preset } from './preset.js';
import { warnOfUnderflow } from './teacher-scale.js';

/** FlagEmbedding (BGE), `FlagEmbedding/abc/finetune`. */
export const flagEmbedding = {
  /**
   * Embedder, `kd_loss_type='kl_div'`: the same gradient; the value there is larger by the mean entropy of the teacher, being a cross-entropy.
   * Only the student has a temperature.
   */
  klDiv: (temperature = 0.02): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    studentTemperature: positive('temperature', temperature),
    reduction: 'mean',
  }),

  /** Embedder, the contrastive loss that is added to it: cross-entropy over the in-batch matrix. */
  contrastive: (temperature = 0.02): Preset<'mean'> => ({
    terms: [{ loss: 'nll' }],
    studentTemperature: positive('temperature', temperature),
    reduction: 'mean',
  }),

  /**
   * Reranker with teacher scores: cross-entropy on the first document plus cross-entropy with the teacher's probabilities, both over the list.
   * The same gradient; the value there is larger by the mean entropy of the teacher.
   */
  reranker: (): Preset<'mean'> => ({ terms: [{ loss: 'klLogL', nllWeight: 1 }], reduction: 'mean' }),
};

/**
 * FlagEmbedding's `kd_loss_type='m3_kd_loss'`: for each document of a query's group in turn, its
 * cross-entropy among all documents of the batch except the group's earlier ones, weighted by the teacher's
 * probability. Warns of the teacher's scale as `applyPreset` does.
 * @param batch student `[queries, queries * group]`, the group of query b in columns `b * group` on; teacher `[queries, group]`
 */
export function m3Kd(
  batch: { student: Float32Array; teacher: Float32Array; queries: number; group: number },
  temperature = 0.02,
): { loss: number; grad: Float32Array } {
  checkObject('batch', batch);
  const { student, teacher, queries, group } = batch;
  const docs = checkCount('queries', queries) * checkCount('group', group);
  checkFloats('student', student, queries * docs);
  checkFloats('teacher', teacher, docs);
  positive('temperature', temperature);
  const labels = new Uint8Array(queries * docs);
  const weights = new Float32Array(queries);
  const grad = new Float32Array(queries * docs);
  const targets = softmaxRows(teacher, queries, group);
  let loss = 0;
  for (let i = 0; i < group; i++) {
    for (let b = 0; b < queries; b++) {
      const own = b * docs + b * group;
      labels[own + i] = 1;
      if (i > 0) labels[own + i - 1] = 255;
      weights[b] = targets[b * group + i];
    }
    const part = nll(
      { student, labels, weights, shape: [queries, docs] },
      { studentTemperature: temperature, reduction: 'sum', gradScale: 1 / queries },
    );
    loss += part.loss / queries;
    part.grad.forEach((g, k) => (grad[k] += g));
  }
  warnOfUnderflow({ teacher, shape: [queries, group] });
  return { loss, grad };
}

function softmaxRows(scores: Float32Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let b = 0; b < rows; b++) {
    const row = Array.from({ length: columns }, (_, i) => scores[b * columns + i]);
    const max = row.reduce((a, s) => Math.max(a, s), -Infinity);
    const exps = row.map((s) => Math.exp(s - max));
    const sum = exps.reduce((a, e) => a + e, 0);
    exps.forEach((e, i) => (out[b * columns + i] = e / sum));
  }
  return out;
}
