// The golden cases, and the one function that decides whether a result is right.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface GoldenCase {
  id: string;
  family: string;
  loss: string;
  options: Record<string, number>;
  student: number[];
  teacher: number[];
  labels: number[];
  ranks: number[] | null;
  beta: number[] | null;
  relevance: number[] | null;
  expected: {
    loss: number;
    grad: number[];
    lossTolerance: number;
    gradTolerance: number[];
    counted: boolean;
  };
}

const special: Record<string, number> = { Infinity, '-Infinity': -Infinity, NaN };

export const goldenCases: readonly GoldenCase[] = gunzipSync(
  readFileSync(join(__dirname, '../../fixtures/golden.jsonl.gz')),
)
  .toString()
  .trim()
  .split('\n')
  .map((line) =>
    JSON.parse(line, (_, value) => (typeof value === 'string' && value in special ? special[value] : value)),
  );

export interface Outcome {
  loss: number;
  grad: ArrayLike<number>;
  counted: boolean;
}

/** What is wrong with an outcome, in words; '' if it is within the case's tolerances. */
export function fault(outcome: Outcome, expected: GoldenCase['expected']): string {
  if (outcome.counted !== expected.counted) return `counted is ${outcome.counted}`;
  if (!agree(outcome.loss, expected.loss, expected.lossTolerance)) {
    return `loss is ${outcome.loss}, not ${expected.loss} within ${expected.lossTolerance}`;
  }
  if (outcome.grad.length !== expected.grad.length) return `grad has ${outcome.grad.length} elements`;
  for (let i = 0; i < expected.grad.length; i++) {
    if (!agree(outcome.grad[i], expected.grad[i], expected.gradTolerance[i])) {
      return `grad[${i}] is ${outcome.grad[i]}, not ${expected.grad[i]} within ${expected.gradTolerance[i]}`;
    }
  }
  return '';
}

/** Equal within the tolerance; infinities and NaN must be the same. */
export function agree(actual: number, expected: number, tolerance: number): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (!Number.isFinite(expected)) return actual === expected;
  return Math.abs(actual - expected) <= tolerance;
}
