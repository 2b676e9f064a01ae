// Rows of every length class, at its borders and one document to either side, to a million: within the stated accuracy (docs/losses.md), as the
// CPU is, and with the same bits as a rectangle and as lists.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepare } from '../../lib/cuda/index';
import type { LossName } from '../../lib/index';
import { toDevice } from '../js/cuda/helpers';
import { expectClose, expectSameBits, fromBfloat16, lossOf, rowOf, type TestBatch } from '../js/loss/helpers';
import { reference, type Reference } from '../js/reference/losses';
import { exactBatch, type FloatType, scoresAs, short, sized } from './helpers';

/** The longest rows of each class, as the kernel table has them. */
function classBorders(): number[] {
  const table = readFileSync(join(__dirname, '../../cuda/launch/kernel_table.h'), 'utf8');
  const borders = [...table.matchAll(/^ *\{(\d+), *TeamKind::/gm)].map(([, longest]) => Number(longest));
  return [...new Set(borders)];
}

const most = sized(2 ** 20, 8193);
const borders = classBorders().flatMap((n) => [n - 1, n, n + 1]);
const lengths = short
  ? [...[3, 16, 50, 64, 1000, 1001, 5000, 20_000, 99_999], ...borders]
  : [
      ...[1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50, 63, 64, 65, 100, 999, 1000, 1001, 4095, 12345],
      ...[65537, 99_999, 262_143, 262_144, 262_145, 524_287, 1_000_003, 1_048_575, 1_048_576],
      ...borders,
    ];
const widths = [...new Set(lengths)].filter((n) => n <= most).sort((a, b) => a - b);

interface Variant {
  name: string;
  loss: LossName;
  options: Record<string, number>;
  ranks?: boolean;
  /** Where the expectation, or the loss itself, is quadratic. */
  most?: number;
}
const variants: Variant[] = [
  { name: 'ckl, γ = 5', loss: 'ckl', options: { gamma: 5, alpha: 0 } },
  { name: 'ckl, γ = 2.3', loss: 'ckl', options: { gamma: 2.3, alpha: 0 } },
  { name: 'ckl, ranks given', loss: 'ckl', options: { gamma: 5, alpha: 1 }, ranks: true },
  { name: 'ckl, ranks of the scores', loss: 'ckl', options: { gamma: 5, alpha: 3 } },
  { name: 'kl', loss: 'kl', options: {} },
  { name: 'bkl', loss: 'bkl', options: { lambda: 0.3 } },
  { name: 'klLogL', loss: 'klLogL', options: { nllWeight: 0.5 } },
  { name: 'marginMse', loss: 'marginMse', options: {}, most: 1025 },
  { name: 'lambdaMrr', loss: 'lambdaMrr', options: {}, most: 513 },
];
/** Two of a million documents take as long as all of the rest. */
const few = variants.filter(({ name }) => name === 'ckl, γ = 5' || name === 'ckl, ranks of the scores');

/** Two bytes round once more on output: half of the last of eight bits. */
const tolerancesAs = (row: Reference, dtype: FloatType) =>
  dtype === 'float32'
    ? row.gradTolerance
    : row.gradTolerance.map((t, i) => t + Math.abs(row.grad[i]) * 2 ** -8 + 2 ** -133);

function checkRows(rows: Reference[], grad: ArrayLike<number>, perQuery: Float32Array, dtype: FloatType) {
  const docs = grad.length / rows.length;
  rows.forEach((row, b) => {
    expectClose([perQuery[b]], [row.loss], row.lossTolerance, `${dtype}: loss of query ${b}`);
    const part = Array.prototype.slice.call(grad, b * docs, (b + 1) * docs) as number[];
    expectClose(part, row.grad, tolerancesAs(row, dtype), `${dtype}: gradient of query ${b}`);
  });
}

function check({ loss: name, options, ranks }: Variant, batch: TestBatch): void {
  const [queries, docs] = batch.shape;
  const given = ranks
    ? { ...batch, ranks: Uint16Array.from(batch.student, (_, i) => 1 + (i % docs)) }
    : batch;
  const rows = Array.from({ length: queries }, (_, b) => reference(name, rowOf(given, b), options));
  const cpu = lossOf(name)(given, { ...options, backend: 'cpu', reduction: 'none' });
  checkRows(rows, cpu.grad as Float32Array, cpu.perQuery, 'float32');
  using loss = prepare(name, { ...options, reduction: 'none', shape: [queries, docs] } as never);
  for (const dtype of ['float32', 'bfloat16'] as const) {
    const student = scoresAs(given.student, dtype) as Float32Array;
    const teacher = scoresAs(given.teacher, dtype) as Float32Array;
    const tensors = toDevice({ ...given, student, teacher }, { dtype: 'bfloat16' });
    const result = loss.run(tensors);
    const bits = result.grad.toArray() as Float32Array | Uint16Array;
    const perQuery = result.perQuery.toArray();
    expect(result.read().counted, `${dtype}: counted`).toBe(cpu.counted);
    const grad = dtype === 'float32' ? bits : Float32Array.from(bits, fromBfloat16);
    checkRows(rows, grad, perQuery, dtype);
    if (docs > 20_000) continue;
    // The same rows as lists: another layout, the same bits.
    const ragged = loss.run({
      ...tensors,
      shape: undefined,
      offsets: Int32Array.from({ length: queries + 1 }, (_, b) => b * docs),
    });
    expectSameBits(ragged.grad.toArray(), bits, `${dtype}: gradient of lists`);
    expectSameBits(ragged.perQuery.toArray(), perQuery, `${dtype}: losses of lists`);
  }
}

describe('the launch table', () => {
  it('is read', () => expect(classBorders().length).toBeGreaterThan(5));
});

describe('rows of', () => {
  it.each(widths)('%d documents', (docs) => {
    const queries = Math.max(1, Math.min(sized(25, 3), Math.floor(8000 / docs)));
    const batch = exactBatch({ seed: docs, queries, docs });
    for (const variant of docs > sized(70_000, 1025) ? few : variants)
      if (docs <= (variant.most ?? most)) check(variant, batch);
  });
});
