// The losses of the CKL paper in the scaling of its authors' training code (github.com/mahaucsb/mSPLADE).
import { combine } from '../index.js';
import { CklRangeError } from '../errors.js';
import { LayoutView } from '../loss/layout.js';
import { checkShape, nonNegative, positive } from './arguments.js';
import type { Preset } from './preset.js';
import { warnOfUnderflow } from './teacher-scale.js';
import type { Batch, BatchShape, Layout, Term } from '../types.js';

const POSITIVE = 1;
const PADDING = 255;
const TEACHER_TEMPERATURE = 2;

/** The options of all the authors' losses. */
export interface AuthorsOptions {
  /** `[queries, documents]` of a batch, B and N: the code divides sums of divergences by B·N. */
  shape: BatchShape;
  /** Default 1. */
  studentTemperature?: number;
  /** Default 2. */
  teacherTemperature?: number;
}

export interface AuthorsCklOptions extends AuthorsOptions {
  /** Default 5. */
  gamma?: number;
  /** Default 1; the code's runs had 1 to 1.5. */
  alpha?: number;
}

export interface AuthorsBklOptions extends AuthorsOptions {
  /** β_p. Default 0.01. */
  betaP?: number;
  /** ω, the factor of the negatives' part. Default 1/ln 2; earlier runs had 1.5. */
  negativeWeight?: number;
}

export interface AuthorsKlLogLOptions extends AuthorsOptions {
  /** β, the factor of the positives' part. Default 0.01. */
  beta?: number;
  /** Number of positives in every list: the code sums over them, whereas `nll` is their mean. Default 1. */
  positives?: number;
}

/** A batch with given teacher scores, its layout `shape`. */
type AuthorsBatch = Omit<Batch<Float32Array>, 'offsets' | 'rowStride' | 'weights'> & {
  teacher: Float32Array;
};

/** The result for a batch: the loss, and its gradient with respect to the student's scores. */
export interface LossAndGradient {
  loss: number;
  grad: Float32Array;
}

/** The authors' losses: sums with factors that turn them into means over B·N where the code has means. */
export const authors = {
  /** The composition of their lists: six documents each, of which at most three are positive. */
  lists: { documents: 6, positives: 3 },

  /**
   * How they refresh ranks, for `new RankTracker(...)`: over a query's positives (up to 3 here) and its best 20 mined negatives, every 1000 to
   * 2000 batches. The paper says the top 50, every 2000 batches.
   */
  refresh: { every: 2000, depth: 23 },

  /**
   * CKL: mean over B·N. Equal to theirs, including exponents, for lists with one positive and given ranks.
   * With several positives, pass {@link authorsBias} as the batch's `beta`; their code also uses the exponent
   * γ − α (1/π_i − 1/π_first) for positives, for which it stays γ here.
   */
  ckl(options: AuthorsCklOptions): Preset<'sum'> {
    const { gamma = 5, alpha = Math.min(1, gamma - 1), ...common } = options;
    return preset(common, (perElement) => [{ loss: 'ckl', gamma, alpha, weight: perElement }]);
  },

  /**
   * BKL, `klar` in their code: mean over B·N of p ln(p/q), plus β_p times the batch's sum of q ln q over positives, plus β_p ω times its sum of q
   * over negatives. So λ = β_p·B·N.
   */
  bkl(options: AuthorsBklOptions): Preset<'sum'> {
    const { betaP = 0.01, negativeWeight = 1 / Math.LN2, ...common } = options;
    nonNegative('betaP', betaP);
    return preset(common, (perElement) => [
      { loss: 'bkl', lambda: betaP / perElement, negativeWeight, weight: perElement },
    ]);
  },

  /** `kllog` in their code: mean over B·N of p ln(p/q), plus β times the batch's sum of −ln q over positives. */
  klLogL(options: AuthorsKlLogLOptions): Preset<'sum'> {
    const { beta = 0.01, positives = 1, ...common } = options;
    const weight = nonNegative('beta', beta) * positive('positives', positives);
    return preset(common, (perElement) => [
      { loss: 'kl', weight: perElement },
      { loss: 'nll', weight },
    ]);
  },

  /**
   * The term that they add to a KL averaged over the batch: cross-entropy over the in-batch matrix, times
   * 0.05.
   */
  inBatch: (weight = 0.05): Preset<'mean'> => ({
    terms: [{ loss: 'nll', weight: nonNegative('weight', weight) }],
    reduction: 'mean',
  }),
};

export type AuthorsLoss = 'ckl' | 'bkl' | 'klLogL';
export type AuthorsLossOptions<L extends AuthorsLoss> = Omit<
  Parameters<(typeof authors)[L]>[0],
  'shape' | 'positives'
>;

/**
 * One of the authors' losses on a batch with their query weights, which apply only to the divergence and not
 * to the terms that `bkl` and `klLogL` add; `klLogL` also accepts lists with different numbers of positives.
 *
 * Warns of the teacher's scale as `applyPreset` does.
 *
 * @param batch its `shape` is that of the preset
 * @param upweight u of {@link authorsWeights}; 0 for no weights
 * @throws as the losses do
 */
export function authorsLoss<L extends AuthorsLoss>(
  loss: L,
  batch: AuthorsBatch & { shape: BatchShape },
  options: AuthorsLossOptions<L> = {} as AuthorsLossOptions<L>,
  upweight = 0,
): LossAndGradient {
  const { teacher, labels, shape } = batch;
  const common = { ...options, shape };
  const weights =
    upweight === 0
      ? undefined
      : authorsWeights({ teacher, labels, shape }, upweight, common.teacherTemperature);
  const result =
    loss === 'ckl'
      ? run(authors.ckl(common), { ...batch, weights })
      : sumOfParts(loss, batch, common, weights);
  warnOfUnderflow({ teacher, labels, shape }, common.teacherTemperature ?? TEACHER_TEMPERATURE);
  return result;
}

function sumOfParts(
  loss: 'bkl' | 'klLogL',
  { student, teacher, labels, shape }: AuthorsBatch & { shape: BatchShape },
  options: AuthorsOptions,
  weights: Float32Array | undefined,
): LossAndGradient {
  const { terms, ...settings } = loss === 'bkl' ? authors.bkl(options) : authors.klLogL(options);
  const perElement = 1 / (shape[0] * shape[1]);
  const divergence = run(
    { ...settings, terms: [{ loss: 'kl', weight: perElement }] },
    { student, teacher, labels, shape, weights },
  );
  const temperature = settings.studentTemperature;
  const added =
    loss === 'bkl'
      ? // With the student as its own teacher, the divergence and its gradient are 0, which leaves only the terms that bkl adds.
        run(
          { ...settings, teacherTemperature: temperature, terms },
          { student, teacher: student, labels, shape },
        )
      : run(
          { ...settings, terms: terms.slice(1) },
          { student, labels, shape, weights: positivesOf(labels, shape) },
        );
  return {
    loss: divergence.loss + added.loss,
    grad: divergence.grad.map((g, i) => g + added.grad[i]),
  };
}

/**
 * Their query weights: u / (u + e^−r), where r is the smallest teacher probability of a positive over the
 * largest of a negative. 1 for a list without positives or without negatives.
 *
 * @param upweight u, greater than 0
 * @returns one weight per query, for the `weights` of a batch
 */
export function authorsWeights(
  batch: Layout & { teacher: Float32Array; labels: Uint8Array },
  upweight: number,
  teacherTemperature = TEACHER_TEMPERATURE,
): Float32Array {
  positive('upweight', upweight);
  positive('teacherTemperature', teacherTemperature);
  const { teacher, labels } = batch;
  const view = viewOf(batch, { teacher, labels });
  return Float32Array.from({ length: view.queries }, (_, b) => {
    let least = Infinity;
    let largest = -Infinity;
    for (let i = view.begin(b); i < view.end(b); i++) {
      if (labels[i] === POSITIVE) least = Math.min(least, teacher[i]);
      else if (labels[i] !== PADDING) largest = Math.max(largest, teacher[i]);
    }
    if (least === Infinity || largest === -Infinity) return 1;
    const ratio = Math.exp((least - largest) / teacherTemperature);
    return upweight / (upweight + Math.exp(-ratio));
  });
}

/**
 * The rank bias of their code: α (1/π_i − 1/π_first) with the first listed positive, whereas the paper uses
 * the mean over all positives.
 *
 * @param batch `ranks` are laid out like the labels; a list without a positive gets 0
 * @returns the `beta` of a batch
 */
export function authorsBias(
  batch: Layout & { ranks: ArrayLike<number>; labels: Uint8Array },
  alpha = 1,
): Float32Array {
  nonNegative('alpha', alpha);
  const { ranks, labels } = batch;
  const view = viewOf(batch, { labels });
  if (ranks.length !== labels.length) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `ranks has ${ranks.length} elements; it must have one for each of the ${labels.length} labels`,
    );
  }
  const out = new Float32Array(labels.length);
  for (let b = 0; b < view.queries; b++) {
    const first = labels.subarray(view.begin(b), view.end(b)).indexOf(POSITIVE);
    if (first < 0) continue;
    const ofFirst = 1 / ranks[view.begin(b) + first];
    for (let i = view.begin(b); i < view.end(b); i++) {
      if (labels[i] !== PADDING) out[i] = alpha * (1 / ranks[i] - ofFirst);
    }
  }
  return out;
}

function preset(options: AuthorsOptions, terms: (perElement: number) => Term[]): Preset<'sum'> {
  const { shape, studentTemperature = 1, teacherTemperature = TEACHER_TEMPERATURE, ...unknown } = options;
  const [queries, documents] = checkShape(shape);
  return {
    ...unknown, // left for the loss to reject
    terms: terms(1 / (queries * documents)),
    studentTemperature: positive('studentTemperature', studentTemperature),
    teacherTemperature: positive('teacherTemperature', teacherTemperature),
    reduction: 'sum',
  };
}

function run({ terms, ...options }: Preset<'sum'>, batch: Batch<Float32Array>): LossAndGradient {
  const { loss, grad } = combine(batch, terms, options);
  return { loss, grad };
}

function positivesOf(labels: Uint8Array, shape: BatchShape): Float32Array {
  return Float32Array.from(
    { length: shape[0] },
    (_, b) => labels.subarray(b * shape[1], (b + 1) * shape[1]).filter((label) => label === POSITIVE).length,
  );
}

function viewOf(layout: Layout, arrays: Record<string, Float32Array | Uint8Array>): LayoutView {
  const view = new LayoutView();
  view.read(layout, null);
  for (const [name, array] of Object.entries(arrays)) view.checkInput(array, name);
  view.checkOffsets();
  return view;
}
