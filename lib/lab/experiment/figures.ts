// Figures 1 and 2 of the paper as data: weights and gradient ratios of documents, from the diagnostics of the losses.
import { prepare, ranks } from '../../index.js';
import { TrainingBatch } from '../training/batch.js';
import { fitScale } from '../training/calibrate.js';
import { longest } from '../training/list-length.js';
import type { BagList } from '../students/words/bags.js';
import type { TableStudent } from '../students/table-student.js';
import type { FigureData } from './results.js';
import type { LossOptions } from './plan.js';

/** Ranks that Figure 1 shows, and documents that Figure 2 does, at most. */
const RANKS = 20;
const DOCUMENTS = 500;

/**
 * @param student is scaled to the teacher on these lists
 * @param lists those without a positive and a negative are left out
 */
export function figureData(
  student: TableStudent,
  lists: readonly BagList[],
  {
    gamma,
    alpha,
    lambda,
    negativeWeight,
    teacherTemperature,
  }: Pick<LossOptions, 'gamma' | 'alpha' | 'lambda' | 'negativeWeight'> & { teacherTemperature: number },
): FigureData {
  const usable = lists.filter((list) => list.labels.includes(1) && list.labels.includes(0));
  if (usable.length === 0) return { weights: [], ratios: [] };
  student.scale(fitScale(student, usable, teacherTemperature));
  const batch = new TrainingBatch<BagList>([usable.length, longest(usable)]);
  batch.fill(usable);
  batch.score(student);
  const { student: scores, teacher, labels, offsets } = batch;
  const input = { student: scores, teacher, labels, offsets };
  const common = { shape: batch.shape, teacherTemperature, diagnostics: true } as const;
  using ckl = prepare('ckl', { ...common, ...defined({ gamma, alpha }) });
  using unbiased = prepare('ckl', { ...common, ...defined({ gamma }), alpha: 0 });
  using bkl = prepare('bkl', { ...common, ...defined({ lambda, negativeWeight }) });
  const { weight, ratio } = ckl.run(input).diagnostics!;
  const withoutBias = unbiased.run(input).diagnostics!.weight;
  const bklRatio = bkl.run(input).diagnostics!.ratio;
  const places = ranks({ student: scores, labels, offsets });

  const documents = usable.flatMap((list, b) => {
    const p = softmax(teacher.subarray(offsets[b], offsets[b + 1]), teacherTemperature);
    const q = softmax(scores.subarray(offsets[b], offsets[b + 1]), 1);
    return [...list.docids.keys()].map((d) => {
      const at = offsets[b] + d;
      return {
        label: labels[at] as 0 | 1,
        rank: places[at],
        weight: weight[at],
        withoutBias: withoutBias[at],
        pOverQ: p[d] / q[d],
        ckl: ratio[at],
        bkl: bklRatio[at],
      };
    });
  });
  return {
    weights: ([1, 0] as const).flatMap((label) =>
      Array.from({ length: RANKS }, (_, i) => i + 1).flatMap((rank) => {
        const there = documents.filter((d) => d.label === label && d.rank === rank);
        return there.length === 0
          ? []
          : [
              {
                rank,
                label,
                weight: median(there.map((d) => d.weight)),
                withoutBias: median(there.map((d) => d.withoutBias)),
              },
            ];
      }),
    ),
    ratios: ([1, 0] as const)
      .flatMap((label) =>
        thin(
          documents.filter((d) => d.label === label && Number.isFinite(d.ckl + d.bkl + d.pOverQ)),
          DOCUMENTS,
        ),
      )
      .map(({ label, pOverQ, ckl, bkl }) => ({ label, pOverQ, ckl, bkl })),
  };
}

/**
 * Figure 2 as the paper has it: p and q on a grid, beta 0, from lists of two documents, of which one stands for all the others.
 */
export function ratioGrid(gamma = 5, lambda = 0.1, negativeWeight?: number): FigureData['ratios'] {
  const grid = Array.from({ length: 9 }, (_, i) => (i + 1) / 10);
  const pairs = grid.flatMap((p) => grid.map((q) => ({ p, q })));
  const logit = (x: number) => Math.log(x / (1 - x));
  const student = Float32Array.from(pairs.flatMap(({ q }) => [logit(q), 0]));
  const teacher = Float32Array.from(pairs.flatMap(({ p }) => [logit(p), 0]));
  const shape = [pairs.length, 2] as const;
  return ([1, 0] as const).flatMap((label) => {
    const labels = Uint8Array.from(pairs.flatMap(() => [label, 1 - label]));
    using ckl = prepare('ckl', { shape, gamma, alpha: 0, diagnostics: true });
    using bkl = prepare('bkl', { shape, lambda, negativeWeight, diagnostics: true });
    const ofCkl = ckl.run({ student, teacher, labels }).diagnostics!.ratio;
    const ofBkl = bkl.run({ student, teacher, labels }).diagnostics!.ratio;
    return pairs.map(({ p, q }, i) => ({ label, pOverQ: p / q, ckl: ofCkl[2 * i], bkl: ofBkl[2 * i] }));
  });
}

function softmax(scores: Float32Array, temperature: number): number[] {
  const highest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Array.from(scores, (score) => Math.exp((score - highest) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** At most `count` of the items, evenly taken. */
function thin<T>(items: readonly T[], count: number): T[] {
  const every = Math.max(1, Math.ceil(items.length / count));
  return items.filter((_, i) => i % every === 0);
}

/** Without the entries that are undefined. */
function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
