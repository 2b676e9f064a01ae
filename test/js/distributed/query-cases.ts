// Batches whose queries are spread over ranks, for every loss and kind of mean: what the ranks of processes and of GPUs are tested with.
import { lossNames, randomBatch, randomNumbers, type TestBatch } from '../loss/helpers';

const queries = 11;

export interface Case {
  loss: string;
  options: Record<string, unknown>;
  batch: TestBatch;
}

/** Some queries count for no loss, or for some: without a positive, without a document, with equal teacher scores. */
function batchOf(seed: number, docs: number, weighted: boolean): TestBatch {
  const batch = randomBatch({ seed, queries, docs, padding: 10, separable: false });
  batch.labels.fill(0, 2 * docs, 3 * docs);
  batch.labels.fill(255, 5 * docs, 6 * docs);
  batch.teacher.fill(1, 7 * docs, 8 * docs);
  const next = randomNumbers(seed + 1);
  // Of so many sizes that the order in which they are added shows.
  if (weighted)
    batch.weights = Float32Array.from({ length: queries }, () => next() * 10 ** (12 * next() - 6));
  return batch;
}

const sum = [
  { loss: 'ckl', weight: 0.7, alpha: 0.5 },
  { loss: 'marginMse', weight: 1.3 },
  { loss: 'nll', weight: -0.2 },
];
const variants: { loss: string; options: Record<string, unknown> }[] = [
  ...lossNames.map((loss) => ({ loss, options: {} })),
  { loss: 'kl', options: { studentTemperature: 3, gradScale: 0.1, teacherGrad: true } },
  { loss: 'ckl', options: { reduction: 'sum', gradScale: 1 / 3 } },
  { loss: 'ckl', options: { reduction: 'none' } },
  { loss: 'lambdaMrr', options: { pairMean: 'batch' } },
  { loss: 'combine', options: { terms: sum } },
  { loss: 'combine', options: { terms: sum, reduction: 'sum' } },
  { loss: 'combine', options: { terms: [{ loss: 'kl', weight: 0 }] } },
];
export const cases: Case[] = variants.flatMap(({ loss, options }, k) =>
  [false, true].map((weighted) => ({ loss, options, batch: batchOf(30 + k, k % 2 ? 9 : 140, weighted) })),
);

/** Queries [from, to) of a batch. */
function part(
  { student, teacher, labels, weights, shape: [, docs] }: TestBatch,
  from: number,
  to: number,
): TestBatch {
  const of = <T extends Float32Array | Uint8Array>(array: T): T => array.slice(from * docs, to * docs) as T;
  return {
    student: of(student as Float32Array),
    teacher: of(teacher),
    labels: of(labels),
    shape: [to - from, docs],
    ...(weights ? { weights: weights.slice(from, to) } : {}),
  };
}

/** Where each rank's queries begin: uneven, and one rank has none. */
export const begins: Record<number, number[]> = {
  1: [0, 11],
  2: [0, 4, 11],
  3: [0, 6, 6, 11],
  4: [0, 1, 5, 8, 11],
};

/** The cases with the queries of one of so many ranks. */
export const dealt = (size: number, rank: number): Case[] =>
  cases.map(({ loss, options, batch }) => ({
    loss,
    options,
    batch: part(batch, begins[size][rank], begins[size][rank + 1]),
  }));

export const nameOf = ({ loss, options, batch }: Case): string =>
  `${loss} ${JSON.stringify(options)} ${batch.weights ? 'weighted' : ''}`;
