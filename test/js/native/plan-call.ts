// A call of the native plan with every array as long as its batch needs, and whether it wrote anything.
import { expect } from 'vitest';
import { Scalar } from '../../../lib/native/codes';
import type { native } from '../../../lib/native/native';

export const QUERIES = 3;
export const DOCS = 5;
export const SIZE = QUERIES * DOCS;

export const MARK = 77;
export const ramp = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 7) % 5) / 2);
export const marked = (length: number) => new Float32Array(length).fill(MARK);

/** All arguments, each as long as the batch needs and no longer. */
export function call() {
  const scalars = new Float64Array(16);
  scalars[Scalar.queries] = QUERIES;
  scalars[Scalar.docs] = scalars[Scalar.stride] = DOCS;
  return {
    student: ramp(SIZE) as Float32Array | Uint16Array,
    teacher: ramp(SIZE).reverse() as Float32Array | Uint16Array | null,
    labels: Uint8Array.from({ length: SIZE }, (_, i) => (i % DOCS === 1 ? 1 : 0)),
    offsets: null as Int32Array | null,
    ranks: Float32Array.from({ length: SIZE }, (_, i) => 1 + (i % DOCS)) as Float32Array | Uint16Array | null,
    beta: new Float32Array(SIZE) as Float32Array | null,
    relevance: new Float32Array(SIZE) as Float32Array | null,
    weights: new Float32Array(QUERIES).fill(1) as Float32Array | null,
    grad: marked(SIZE) as Float32Array | Uint16Array,
    perQuery: marked(QUERIES),
    teacherGrad: marked(SIZE) as Float32Array | null,
    diagnostics: [marked(SIZE), marked(SIZE), marked(QUERIES), marked(QUERIES), marked(QUERIES)] as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ],
    scalars,
  };
}
export type Call = ReturnType<typeof call>;
export const run = (plan: InstanceType<typeof native.Plan>, c: Call) =>
  plan.run(...(Object.values(c) as Parameters<typeof plan.run>));

/** Nothing was written, wherever the outputs are. */
export function expectUntouched(c: Call) {
  for (const output of [c.grad, c.perQuery, c.teacherGrad, ...c.diagnostics])
    expect(output?.every((value) => value === MARK) ?? true).toBe(true);
}
