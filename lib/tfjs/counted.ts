// Finds the queries that have what a loss needs; the others are left out of means.
import { losses, type LossName } from '../index.js';

const PADDING = 255;

/** A loss, with the options that determine which queries it counts. */
export interface CountedLoss {
  loss: LossName;
  /** lambdaNdcg only. */
  k?: number;
}

/** The inputs of a batch that determine it. */
export interface CountedBatch {
  labels: Uint8Array;
  /** Documents per query, padding included. */
  docs: number;
  relevance?: Float32Array;
  teacher?: Float32Array;
  teacherTemperature?: number;
}

/** The valid documents of a query: labels, and relevance if there is any, else the teacher's scores. */
interface Query {
  labels: number[];
  relevance?: number[];
  teacher: number[];
}

/** NaN differs from every other level: the query's loss is NaN, and it is counted. */
const differ = (levels: readonly number[]) =>
  levels.length > 1 && levels.some((level) => level !== levels[0]);

const has = {
  document: ({ labels }: Query) => labels.length > 0,
  positive: ({ labels }: Query) => labels.includes(1),
  positiveAndNegative: ({ labels }: Query) => labels.includes(1) && labels.includes(0),
  orderedPair: ({ labels, relevance }: Query) => differ(relevance ?? labels),
  preferredPair: ({ relevance, teacher }: Query) => differ(relevance ?? teacher),
  gainfulPair: ({ relevance, teacher }: Query, k: number) => {
    const levels = relevance ?? teacher;
    return differ(levels) && !(idealDcg(levels, k) <= 0);
  },
};

/** Up to a positive factor; NaN if a level is NaN. */
function idealDcg(levels: readonly number[], k: number): number {
  const sorted = [...levels].sort((a, b) => b - a);
  const gain = (level: number) => 2 ** (level - sorted[0]) - 2 ** -sorted[0];
  return sorted.slice(0, k).reduce((sum, level, i) => sum + gain(level) / Math.log2(i + 2), 0);
}

/** 1 for a query that at least one of the losses counts, else 0. */
export function countedQueries(terms: readonly CountedLoss[], batch: CountedBatch): Float32Array {
  const { labels, docs, relevance, teacher, teacherTemperature = 1 } = batch;
  return Float32Array.from({ length: docs === 0 ? 0 : labels.length / docs }, (_, query) => {
    const places = Array.from({ length: docs }, (__, i) => query * docs + i).filter(
      (i) => labels[i] !== PADDING,
    );
    const pick = (from: ArrayLike<number>) => places.map((i) => from[i]);
    const one: Query = {
      labels: pick(labels),
      relevance: relevance && pick(relevance),
      teacher: teacher ? pick(teacher).map((t) => t / teacherTemperature) : [],
    };
    return terms.some(({ loss, k = 10 }) => has[losses[loss].needs](one, k)) ? 1 : 0;
  });
}
