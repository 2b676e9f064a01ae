// Random lists, and every loss of ckl-loss/tfjs under one signature, with its plain function.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {
  adrMse,
  bkl,
  ckl,
  combine,
  jsd,
  kl,
  klLogL,
  lambdaMrr,
  lambdaNdcg,
  listMle,
  type LossResult,
  marginMse,
  nll,
  rankNet,
  reverseKl,
  type Term,
} from '../../../lib/index';
import * as tfjs from '../../../lib/tfjs/index';
import { Random } from '../../../lib/lab/training/random';

export const QUERIES = 5;
export const DOCS = 6;

export interface Lists {
  labels: Uint8Array;
  logits: Float32Array;
  teacher: Float32Array;
}

/** Lists of which one ends in padding that holds NaN, one has two positives, and one has none. */
export function lists(seed: number): Lists {
  const random = new Random(seed);
  const size = QUERIES * DOCS;
  const draw = () => Float32Array.from({ length: size }, () => 1.5 * random.normal());
  const labels = Uint8Array.from({ length: size }, (_, i) => (i % DOCS === 2 ? 1 : 0));
  labels[1 * DOCS + 4] = 1;
  labels[3 * DOCS + 2] = 0;
  const [logits, teacher] = [draw(), draw()];
  for (const i of [2 * DOCS + 4, 2 * DOCS + 5]) {
    labels[i] = 255;
    logits[i] = teacher[i] = NaN;
  }
  return { labels, logits, teacher };
}

export const matrix = (values: ArrayLike<number>): tf.Tensor2D =>
  tf.tensor2d(Float32Array.from(values), [QUERIES, DOCS]);

type Op = (
  labels: tfjs.Input,
  logits: tfjs.Input,
  teacher: tfjs.Input,
  weights?: tfjs.Input | null,
  options?: object,
  reduction?: tf.Reduction,
) => tfjs.Loss;
type Plain = (batch: object, options: object) => LossResult<'none' | 'mean', Float32Array>;

const terms: Term[] = [
  { loss: 'ckl', gamma: 3, weight: 0.7 },
  { loss: 'marginMse', weight: 0.05 },
];

/** Name -> the op, the plain function, and whether it reads a teacher, or is ordered by one. */
export const losses: Record<string, { op: Op; plain: Plain; teacher: boolean | 'order'; options?: object }> =
  {
    kl: { op: tfjs.klLoss, plain: kl as Plain, teacher: true },
    ckl: { op: tfjs.cklLoss, plain: ckl as Plain, teacher: true, options: { gamma: 4, alpha: 2 } },
    bkl: { op: tfjs.bklLoss, plain: bkl as Plain, teacher: true, options: { lambda: 0.3 } },
    klLogL: { op: tfjs.klLogLLoss, plain: klLogL as Plain, teacher: true, options: { nllWeight: 0.5 } },
    reverseKl: { op: tfjs.reverseKlLoss, plain: reverseKl as Plain, teacher: true },
    jsd: { op: tfjs.jsdLoss as Op, plain: jsd as Plain, teacher: true, options: { beta: 0.3 } },
    marginMse: { op: tfjs.marginMseLoss, plain: marginMse as Plain, teacher: true },
    rankNet: { op: tfjs.rankNetLoss, plain: rankNet as Plain, teacher: 'order' },
    listMle: { op: tfjs.listMleLoss, plain: listMle as Plain, teacher: 'order' },
    adrMse: { op: tfjs.adrMseLoss, plain: adrMse as Plain, teacher: 'order', options: { steepness: 2 } },
    lambdaNdcg: {
      op: tfjs.lambdaNdcgLoss,
      plain: lambdaNdcg as Plain,
      teacher: 'order',
      options: { k: 3, mu: 2 },
    },
    nll: {
      op: (labels, logits, _, ...rest) => tfjs.nllLoss(labels, logits, ...rest),
      plain: nll as Plain,
      teacher: false,
    },
    lambdaMrr: {
      op: (labels, logits, _, ...rest) => tfjs.lambdaMrrLoss(labels, logits, ...rest),
      plain: lambdaMrr as Plain,
      teacher: false,
    },
    combine: {
      op: (labels, logits, teacher, ...rest) => tfjs.combineLoss(labels, logits, teacher, terms, ...rest),
      plain: ((batch: never, options: object) => combine(batch, terms, options)) as Plain,
      teacher: true,
    },
  };

export { tf, tfjs };
