// The distillation losses of five Python libraries, in their own scaling, as settings of this package's losses. docs/guide/migrating.md
// has the table; test/js/presets compares each with its published definition.
import { LayoutView } from './loss/layout.js';
import { combine, nll } from './index.js';
import type { Batch, CommonOptions, Layout, LossResult, Reduction, Term } from './types.js';

/** Terms and options: `prepare('combine', { shape, ...preset })`, or `applyPreset(preset, batch)`. */
export interface Preset<R extends Reduction = Reduction> extends CommonOptions<R> {
  terms: readonly Term[];
}

/** The loss that a preset stands for, on one batch. */
export function applyPreset<R extends Reduction>(
  preset: Preset<R>,
  batch: Batch<Float32Array>,
): LossResult<R, Float32Array> {
  const { terms, ...options } = preset;
  return combine(batch, terms, options);
}

/** sentence-transformers, `sentence_transformers.losses`. */
export const sentenceTransformers = {
  /** `MarginMSELoss`: mean squared error of the margins, one positive a query, the same number of negatives for each. */
  marginMse: (): Preset<'mean'> => ({ terms: [{ loss: 'marginMse' }], reduction: 'mean' }),

  /** `DistillKLDivLoss`: both sides divided by the temperature, the loss multiplied by its square. */
  distillKlDiv: (temperature = 1): Preset<'mean'> => ({
    terms: [{ loss: 'kl', weight: temperature ** 2 }],
    studentTemperature: temperature,
    teacherTemperature: temperature,
    reduction: 'mean',
  }),

  /** `MultipleNegativesRankingLoss`: cross-entropy over the in-batch matrix of similarities times `scale`. */
  multipleNegativesRanking: (scale = 20): Preset<'mean'> => ({
    terms: [{ loss: 'nll' }],
    studentTemperature: 1 / scale,
    reduction: 'mean',
  }),
};

/** ColBERT v2, `colbert/training/training.py`. */
export const colbert = {
  /** `KLDivLoss(reduction='batchmean', log_target=True)` with the teacher's scores times `distillation_alpha`. */
  distillation: (distillationAlpha = 1): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    teacherTemperature: 1 / distillationAlpha,
    reduction: 'mean',
  }),
};

/** PyLate, `pylate.losses.Distillation`. */
export const pylate = {
  /** The loss after `normalize_scores`, for which {@link minMax} is; `sizeAverage` false sums over the queries. */
  distillation: (sizeAverage = true): Preset<'mean' | 'sum'> => ({
    terms: [{ loss: 'kl' }],
    reduction: sizeAverage ? 'mean' : 'sum',
  }),
};

/** Tevatron, `tevatron/distillation/trainer.py`. */
export const tevatron = {
  /**
   * The student's softmax runs over all documents of the batch, the teacher's over those of the query: give the teacher's scores through
   * {@link inBatchTeacher}.
   */
  distillation: (studentTemperature = 1, teacherTemperature = 1): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    studentTemperature,
    teacherTemperature,
    reduction: 'mean',
  }),
};

/** FlagEmbedding (BGE), `FlagEmbedding/abc/finetune/embedder/AbsModeling.py`. */
export const flagEmbedding = {
  /**
   * `kd_loss_type='kl_div'`: the same gradient; the value there is larger by the mean entropy of the teacher, being a cross-entropy.
   * Only the student has a temperature.
   */
  klDiv: (temperature = 0.02): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    studentTemperature: temperature,
    reduction: 'mean',
  }),

  /** The contrastive loss that is added to it: cross-entropy over the in-batch matrix. */
  contrastive: (temperature = 0.02): Preset<'mean'> => ({
    terms: [{ loss: 'nll' }],
    studentTemperature: temperature,
    reduction: 'mean',
  }),
};

/**
 * FlagEmbedding's `kd_loss_type='m3_kd_loss'`: for each document of a query's group in turn, its cross-entropy among all documents of the
 * batch but the group's earlier ones, weighted by the teacher's probability.
 * @param batch student `[queries, queries * group]`, the group of query b in columns `b * group` on; teacher `[queries, group]`
 */
export function m3Kd(
  batch: { student: Float32Array; teacher: Float32Array; queries: number; group: number },
  temperature = 0.02,
): { loss: number; grad: Float32Array } {
  const { student, teacher, queries, group } = batch;
  const docs = queries * group;
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
  return { loss, grad };
}

function softmaxRows(scores: Float32Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let b = 0; b < rows; b++) {
    const row = scores.subarray(b * columns, (b + 1) * columns);
    const max = Math.max(...row);
    const exps = Array.from(row, (s) => Math.exp(s - max));
    const sum = exps.reduce((a, e) => a + e, 0);
    exps.forEach((e, i) => (out[b * columns + i] = e / sum));
  }
  return out;
}

/**
 * The teacher's scores of each query's own documents as a row over all documents of the batch; -Infinity, probability 0, for the others.
 * @param teacher `[queries, group]`; the group of query b has the columns `b * group` on
 * @returns `[queries, queries * group]`
 */
export function inBatchTeacher(teacher: Float32Array, queries: number, group: number): Float32Array {
  const out = new Float32Array(queries * queries * group).fill(-Infinity);
  for (let b = 0; b < queries; b++) {
    out.set(teacher.subarray(b * group, (b + 1) * group), b * queries * group + b * group);
  }
  return out;
}

/**
 * PyLate's `normalize_scores`: each query's scores mapped to [0, 1], (s - min) / (max - min + 1e-8), over the documents that are not padding.
 * @returns the normalised scores, and `backward`, which takes the gradient with respect to them back to the scores themselves
 */
export function minMax(
  student: Float32Array,
  layout: Layout & { labels?: Uint8Array },
): { scores: Float32Array; backward(grad: Float32Array): Float32Array } {
  const view = new LayoutView();
  view.read(layout, null);
  view.checkInput(student, 'student');
  view.checkOffsets();
  const { labels } = layout;
  const scores = new Float32Array(student.length);
  const rows: { documents: number[]; low: number; high: number; range: number }[] = [];
  for (let b = 0; b < view.queries; b++) {
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
    const out = new Float32Array(grad.length);
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
