// Random batches, rows of batches as the reference wants them, and comparisons that say where they fail.
import { expect } from 'vitest';
import * as api from '../../../lib/index';
import type { Batch, LossName, LossResult } from '../../../lib/index';
import type { Parameters, Query } from '../reference/losses';

export * from './halves';

export const lossNames = Object.keys(api.losses) as LossName[];
export const distributionLosses = lossNames.filter((name) => api.losses[name].family === 'distribution');

/** A loss by name, with the options of any: what the tests that walk the table need. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyLoss = (batch: any, options?: any) => LossResult<'mean', any>;
export const lossOf = (name: string) => (api as unknown as Record<string, AnyLoss>)[name];
export const asyncLossOf = (name: string) =>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  (api as unknown as Record<string, (batch: any, options?: any) => Promise<LossResult<'mean', any>>>)[
    `${name}Async`
  ];

/** Uniform numbers in [0, 1), the same for the same seed on every machine (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface BatchShape {
  seed: number;
  queries: number;
  docs: number;
  /** Standard deviation of the scores. */
  scale?: number;
  /** How many documents of a hundred are padding. */
  padding?: number;
  /** Every query gets a positive and a negative. */
  separable?: boolean;
}

export interface TestBatch extends Batch<Float32Array> {
  teacher: Float32Array;
  shape: [number, number];
}

export function randomBatch({
  seed,
  queries,
  docs,
  scale = 2,
  padding = 0,
  separable = true,
}: BatchShape): TestBatch {
  const next = randomNumbers(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()) * scale;
  const n = queries * docs;
  const student = Float32Array.from({ length: n }, normal);
  const teacher = Float32Array.from({ length: n }, normal);
  const labels = Uint8Array.from({ length: n }, () => (next() * 100 < padding ? 255 : next() < 0.2 ? 1 : 0));
  for (let b = 0; separable && docs > 1 && b < queries; b++) {
    const positive = Math.floor(next() * docs);
    labels[b * docs + positive] = 1;
    labels[b * docs + ((positive + 1) % docs)] = 0;
  }
  return { student, teacher, labels, shape: [queries, docs] };
}

/** Row b of a padded batch for the double-precision reference. */
export function rowOf(batch: TestBatch, b: number): Query {
  const [, docs] = batch.shape;
  const part = (a: ArrayLike<number> | undefined) =>
    a ? Array.from(a).slice(b * docs, (b + 1) * docs) : null;
  return {
    student: part(batch.student)!,
    teacher: part(batch.teacher)!,
    labels: part(batch.labels)!,
    ranks: part(batch.ranks),
    beta: part(batch.beta),
    relevance: part(batch.relevance),
  };
}

/** The parameters that the functions take by default, for the reference. */
export function parametersOf(name: string, options: Parameters): Parameters {
  const known: readonly string[] = api.losses[name as LossName].parameters;
  return Object.fromEntries(
    Object.entries(options).filter(([key]) => known.includes(key) || key.endsWith('Temperature')),
  );
}

const bytes = (a: ArrayBufferView) => Buffer.from(a.buffer, a.byteOffset, a.byteLength);

/** Same type, same length, same bits; NaN equals itself, 0 differs from -0. */
export function expectSameBits(actual: ArrayBufferView, expected: ArrayBufferView, what = 'arrays'): void {
  expect(actual.constructor.name, what).toBe(expected.constructor.name);
  expect(actual.byteLength, `${what}: length`).toBe(expected.byteLength);
  if (bytes(actual).equals(bytes(expected))) return;
  const a = actual as Float32Array;
  const e = expected as Float32Array;
  const i = a.findIndex((v, k) => !Object.is(v, e[k]));
  expect.fail(`${what}: element ${i} is ${a[i]}, not ${e[i]}`);
}

/** Everything that two runs returned is the same to the last bit. */
export function expectSameResult(actual: LossResult, expected: LossResult): void {
  if (typeof expected.loss === 'number') expect(actual.loss, 'loss').toBe(expected.loss);
  expect(actual.counted, 'counted').toBe(expected.counted);
  expectSameBits(actual.grad as Float32Array, expected.grad as Float32Array, 'grad');
  expectSameBits(actual.perQuery, expected.perQuery, 'perQuery');
}

/** Every element is within its tolerance (a number for all, or one each); equal infinities are. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number | ArrayLike<number>,
  what = 'values',
): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const allowed = typeof tolerance === 'number' ? tolerance : tolerance[i];
    const equal = Object.is(actual[i], expected[i]) || Math.abs(actual[i] - expected[i]) <= allowed;
    if (!equal) expect.fail(`${what}[${i}] is ${actual[i]}, not ${expected[i]} within ${allowed}`);
  }
}

/** What an action throws; fails if it does not. */
export function errorOf(action: () => unknown): Error & { code: string } {
  try {
    action();
  } catch (error) {
    return error as Error & { code: string };
  }
  return expect.fail('nothing was thrown');
}

/** The same batch in memory of its own, as far as the losses read it. */
export const copyOf = (batch: TestBatch): TestBatch => ({
  ...batch,
  student: batch.student.slice(),
  teacher: batch.teacher.slice(),
  labels: batch.labels.slice(),
});

/** One query; document 0 is its positive unless labels say otherwise. */
export function oneQuery(student: number[], teacher: number[], labels?: number[]): TestBatch {
  return {
    student: Float32Array.from(student),
    teacher: Float32Array.from(teacher),
    labels: Uint8Array.from(labels ?? student.map((_, i) => (i === 0 ? 1 : 0))),
    shape: [1, student.length],
  };
}
