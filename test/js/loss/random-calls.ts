// Random shapes and options for properties that hold for every batch.
import fc from 'fast-check';
import type { Parameters } from '../reference/losses';
import { parametersOf, randomNumbers } from './helpers';

/** Fewer where a machine is emulated. */
export const runs = { numRuns: Number(process.env.CKL_TEST_RUNS ?? 60) };

/** Batches of all sizes around the widths that the kernels treat differently. */
export const shapes = fc.record({
  seed: fc.integer(),
  queries: fc.integer({ min: 1, max: 37 }),
  docs: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.constantFrom(63, 64, 65, 127, 128, 129, 200)),
  scale: fc.constantFrom(0.1, 1, 5, 30),
  padding: fc.constantFrom(0, 0, 20, 70),
});

export const optionsOf = (name: string, seed: number) => {
  const next = randomNumbers(seed + 17);
  const gamma = [1, 2, 3.5, 5, 8][Math.floor(next() * 5)];
  const all: Parameters = {
    gamma,
    alpha: next() * (gamma - 1),
    detachWeights: next() < 0.3,
    lambda: next(),
    negativeWeight: next() * 2,
    nllWeight: next() * 2,
    studentTemperature: next() < 0.5 ? 1 : 0.5 + next(),
    teacherTemperature: next() < 0.5 ? 1 : 0.5 + next(),
  };
  return parametersOf(name, all);
};

export const part = (a: Float32Array, b: number, docs: number) => a.slice(b * docs, (b + 1) * docs);
