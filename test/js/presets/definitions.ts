// What the tests of presets share: batches, the parts of the libraries' definitions in double precision, gradients by differences.
import { expect } from 'vitest';
import { prepare } from '../../../lib/index';
import { applyPreset, type Preset } from '../../../lib/presets';
import { randomNumbers } from '../loss/helpers';

export const queries = 3;
export const group = 4;
const next = randomNumbers(97);
export const scores = (count: number, scale: number) =>
  Float32Array.from({ length: count }, () => (next() * 2 - 1) * scale);

/** [queries, group], the first document of each query its positive. */
export const lists = { student: scores(queries * group, 3), teacher: scores(queries * group, 5) };
export const firstPositive = Uint8Array.from({ length: queries * group }, (_, i) =>
  i % group === 0 ? 1 : 0,
);
/** Cosines of every query with every document of the batch. */
export const matrix = scores(queries * queries * group, 1);
export const ownPositive = Uint8Array.from({ length: queries * queries * group }, (_, i) => {
  const [b, k] = [Math.floor(i / (queries * group)), i % (queries * group)];
  return k === b * group ? 1 : 0;
});

// ---- the definitions, row by row

export const rowsOf = (a: ArrayLike<number>, width: number) =>
  Array.from({ length: a.length / width }, (_, b) => Array.from(a).slice(b * width, (b + 1) * width));
export function logSoftmax(row: number[]): number[] {
  const max = Math.max(...row);
  const log = max + Math.log(row.reduce((sum, s) => sum + Math.exp(s - max), 0));
  return row.map((s) => s - log);
}
export const over = (row: number[], temperature: number) => row.map((s) => s / temperature);
export const softmax = (row: number[]) => logSoftmax(row).map(Math.exp);
export const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
export const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
/** torch.nn.KLDivLoss of one row: sum of target (log target - input), 0 where the target is 0. */
export const klDiv = (input: number[], target: number[]) =>
  sum(target.map((p, i) => (p === 0 ? 0 : p * (Math.log(p) - input[i]))));
export const crossEntropy = (row: number[], target: number) => -logSoftmax(row)[target];

export type Definition = (student: ArrayLike<number>) => number;
export const teacherRows = rowsOf(lists.teacher, group);

/** Numbers agree to float32's accuracy, the gradient with central differences of the definition. */
export function check(
  definition: Definition,
  student: Float32Array,
  loss: number,
  grad: ArrayLike<number>,
  entropy = 0,
) {
  expect(Math.abs(loss + entropy - definition(student))).toBeLessThan(2e-6 * Math.max(1, Math.abs(loss)));
  for (let i = 0; i < student.length; i++) {
    const step = 1e-5;
    const at = (delta: number) => {
      const moved = Array.from(student);
      moved[i] += delta;
      return definition(moved);
    };
    const slope = (at(step) - at(-step)) / (2 * step);
    expect(Math.abs(grad[i] - slope), `grad[${i}]`).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
  }
}

/** A preset on lists of the queries' own documents; through applyPreset and through prepare. */
export function checkLists(preset: Preset, definition: Definition, entropy = 0) {
  const batch = { ...lists, labels: firstPositive, shape: [queries, group] as const };
  const result = applyPreset(preset, batch);
  check(definition, lists.student, result.loss as number, result.grad, entropy);
  const prepared = prepare('combine', { shape: [queries, group], ...preset }).run(batch);
  expect(prepared.loss).toBe(result.loss);
}

export function checkMatrix(preset: Preset, definition: Definition, teacher?: Float32Array) {
  const shape = [queries, queries * group] as const;
  const { loss, grad } = applyPreset(preset, { student: matrix, teacher, labels: ownPositive, shape });
  check(definition, matrix, loss as number, grad);
}
