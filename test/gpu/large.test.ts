// Batches larger than the numbers that a careless kernel counts in: more rows than a grid has blocks, more elements than 2³¹.
import { describe, expect, it } from 'vitest';
import { type DeviceBatch, type DeviceLossResult, DeviceTensor, prepare } from '../../lib/cuda/index';
import { expectSameBits, type TestBatch } from '../js/loss/helpers';
import { batchBytes, exactBatch, type FloatType, gpu, repeatedBatch, sized } from './helpers';

const options = { gamma: 5, alpha: 0, reduction: 'sum' } as const;

/** What rows come to in a batch of their own: the same bits, wherever they lie. */
function alone(batch: TestBatch, dtype: FloatType) {
  using loss = prepare('ckl', { ...options, shape: batch.shape });
  using tensors = repeatedBatch(batch, 1, dtype);
  const result = loss.run(tensors);
  return { grad: result.grad.toArray(), perQuery: result.perQuery.toArray(), sum: result.read().loss };
}

/** Looks at the parts of a repeated batch that begin at `places` (rows), and at the losses of all rows. */
function expectRepeated(
  result: DeviceLossResult,
  batch: TestBatch,
  dtype: FloatType,
  times: number,
  places: number[],
): void {
  const [queries, docs] = batch.shape;
  const expected = alone(batch, dtype);
  const n = queries * docs;
  for (const time of places) {
    const { stream } = result;
    expectSameBits(
      result.grad.subtensor(time * n, (time + 1) * n).toArray({ stream }),
      expected.grad,
      `gradient from row ${time * queries}`,
    );
  }
  const losses = result.perQuery.toArray();
  const wrong = losses.findIndex((loss, b) => loss !== expected.perQuery[b % queries]);
  if (wrong >= 0) expect.fail(`loss of row ${wrong} is ${losses[wrong]}`);
  const { loss, counted } = result.read() as { loss: number; counted: number };
  expect(counted).toBe(queries * times);
  expect(Math.abs(loss - expected.sum * times)).toBeLessThan(1e-9 * Math.abs(expected.sum * times));
}

const placesOf = (times: number) =>
  [...new Set([0, 1, Math.floor(times / 2), times - 1])].filter((t) => t < times);

describe('more rows than 65535', () => {
  it.each([
    [65_535, 8],
    [65_536, 8],
    [65_537, 8],
    [70_000, 50],
    [1_048_576, 16],
    [5_000_000, 3],
    [200_000, 1500],
  ])('%d × %d', (queries, docs) => {
    const rows = [65_535, 65_537].includes(queries) ? 1 : 16;
    const times = sized(queries / rows, Math.min(queries / rows, Math.ceil(4000 / docs / rows)));
    const batch = exactBatch({ seed: queries, queries: rows, docs });
    for (const dtype of ['float32', 'bfloat16'] as const) {
      using tensors = repeatedBatch(batch, times, dtype);
      using loss = prepare('ckl', { ...options, shape: [rows * times, docs] });
      expectRepeated(loss.run(tensors), batch, dtype, times, placesOf(times));
    }
  });

  it('with ranks of the scores, and rows of the general kernels', () => {
    const batch = exactBatch({ seed: 7, queries: 16, docs: 64, padding: 20 });
    const times = sized(8192, 8);
    using tensors = repeatedBatch(batch, times, 'float32');
    using loss = prepare('ckl', { gamma: 5, alpha: 1, reduction: 'sum', shape: [16 * times, 64] });
    const result = loss.run(tensors);
    const grad = result.grad.toArray() as Float32Array;
    const first = grad.slice(0, 1024);
    for (let k = 1; k < times; k++)
      expectSameBits(grad.subarray(1024 * k, 1024 * (k + 1)), first, `copy ${k}`);
    expect(result.read().counted % times).toBe(0);
  });

  it('as lists whose offsets are in device memory', () => {
    const batch = exactBatch({ seed: 8, queries: 16, docs: 10 });
    const times = sized(100_000, 50);
    using tensors = repeatedBatch(batch, times, 'float32');
    using offsets = DeviceTensor.from(Int32Array.from({ length: 16 * times + 1 }, (_, b) => 10 * b));
    using loss = prepare('ckl', { ...options, shape: [16 * times, 10] });
    const { student, teacher, labels } = tensors;
    expectRepeated(loss.run({ student, teacher, labels, offsets }), batch, 'float32', times, placesOf(times));
  });
});

describe('more elements than 2³¹', () => {
  const cases: [rows: number, docs: number, times: number, dtype: FloatType][] = [
    [64, 1024, 2 ** 15 + 1, 'float32'],
    [1, 2 ** 20, 2 ** 11 + 1, 'float32'],
    [3, 50_001, 14_320, 'float32'],
    [64, 1024, 2 ** 16 + 1, 'bfloat16'], // more than 2³²
    [2 ** 16, 16, 2 ** 11 + 1, 'bfloat16'],
  ];
  for (const [rows, realDocs, realTimes, dtype] of cases) {
    const docs = sized(realDocs, Math.min(realDocs, 5000));
    const [queries, times] = sized([rows, realTimes], [Math.min(rows, 2), 3]);
    const bytes = batchBytes(queries * docs * times, dtype);
    const fits = bytes * 1.02 < gpu.freeMemory();
    it.runIf(fits)(`${queries * times} × ${docs} of ${dtype}`, () => {
      const batch = exactBatch({ seed: docs, queries, docs });
      using tensors = repeatedBatch(batch, times, dtype);
      const shape = [queries * times, docs] as const;
      using loss = prepare('ckl', { ...options, shape });
      const result = loss.run(tensors);
      // The copy that straddles 2³¹ among them.
      const middle = Math.floor(2 ** 31 / (queries * docs));
      const places = [...placesOf(times), middle - 1, middle].filter((t) => t >= 0 && t < times);
      expectRepeated(result, batch, dtype, times, places);
    });
  }

  it('run in place', () => {
    const docs = 1024;
    const [queries, times] = sized([64, 2 ** 15 + 1], [2, 3]);
    const batch = exactBatch({ seed: 5, queries, docs });
    using tensors = repeatedBatch(batch, times, 'bfloat16');
    using loss = prepare('ckl', { ...options, shape: [queries * times, docs] });
    const inPlace: DeviceBatch = { ...tensors, grad: tensors.student };
    expectRepeated(loss.run(inPlace), batch, 'bfloat16', times, [0, times - 1]);
  });
});
