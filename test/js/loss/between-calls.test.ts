// What a call leaves behind must not reach the next one: walks over batches, layouts and options, each step against a loss made for it alone.
import { describe, expect, it } from 'vitest';
import { combine, kl, losses, prepare, type Batch, type LossName, type Term } from '../../../lib/index';
import {
  expectSameBits,
  expectSameResult,
  fromBfloat16,
  lossNames,
  lossOf,
  randomBatch,
  randomNumbers,
  toBfloat16,
  type TestBatch,
} from './helpers';

type Options = Record<string, unknown>;

/**
 * What a loss that was never called before gives. Its rows are told by offsets and begin at the second element: the one layout that no fast
 * path for small or repeated batches takes, so the two ways share little.
 */
function alone(name: string, batch: Batch, options: Options) {
  const { shape, rowStride, ...arrays } = batch as TestBatch;
  const [queries, docs] = shape;
  const stride = rowStride ?? docs;
  const compact = <T extends Float32Array | Uint8Array>(array: T): T => {
    const rows = Array.from({ length: queries }, (_, b) => [...array.slice(b * stride, b * stride + docs)]);
    return (array.constructor as unknown as { from(values: number[]): T }).from(rows.flat());
  };
  const behindOne = <T extends Float32Array | Uint8Array>(array: T): T =>
    (array.constructor as unknown as { from(values: number[]): T }).from([0, ...compact(array)]);
  const moved = Object.fromEntries(
    Object.entries(arrays).map(([key, array]) => [
      key,
      key === 'weights' ? array : behindOne(array as Float32Array),
    ]),
  );
  const offsets = Int32Array.from({ length: queries + 1 }, (_, b) => 1 + b * docs);
  using prepared = prepare(name as LossName, { shape: [queries, docs + 1], ...options });
  const result = prepared.run({ ...moved, offsets } as unknown as Batch<Float32Array>);
  const { diagnostics } = result;
  return {
    ...result,
    grad: (result.grad as Float32Array).slice(1),
    teacherGrad: (result.teacherGrad as Float32Array | undefined)?.slice(1),
    diagnostics: diagnostics && {
      ...diagnostics,
      weight: diagnostics.weight.slice(1),
      ratio: diagnostics.ratio.slice(1),
    },
    compact,
  };
}

function expectAlone(
  actual: ReturnType<ReturnType<typeof lossOf>>,
  name: string,
  batch: Batch,
  options: Options,
) {
  const expected = alone(name, batch, options);
  const grad = expected.compact(actual.grad as Float32Array);
  expectSameResult({ ...actual, grad }, expected);
  expect(actual.diagnostics === undefined).toBe(expected.diagnostics === undefined);
  for (const [key, values] of Object.entries(expected.diagnostics ?? {})) {
    const found = actual.diagnostics![key as 'weight'];
    const whole = key === 'weight' || key === 'ratio' ? expected.compact(found) : found;
    expectSameBits(whole, values, key);
  }
  expect(actual.teacherGrad === undefined).toBe(expected.teacherGrad === undefined);
  if (expected.teacherGrad) {
    const found = expected.compact(actual.teacherGrad as Float32Array);
    expectSameBits(found, expected.teacherGrad as Float32Array, 'teacherGrad');
  }
}

/** Batches of one extent in several shapes, of several extents in one shape, small and large, dense and with gaps. */
const shapes: [queries: number, docs: number][] = [
  [4, 4],
  [2, 8],
  [8, 2],
  [1, 16],
  [16, 16],
  [8, 32],
  [2, 128],
  [4, 128],
  [8, 64],
  [3, 200],
];
const pool = shapes.map((shape, i) => randomBatch({ seed: 300 + i, queries: shape[0], docs: shape[1] }));
for (const [queries, docs, rowStride] of [
  [3, 5, 8],
  [6, 40, 50],
  [6, 45, 50],
]) {
  const batch = randomBatch({ seed: 400 + docs, queries, docs: rowStride });
  pool.push({ ...batch, shape: [queries, docs], rowStride } as TestBatch);
}

/** One of several, by a generator. */
const one = <T>(next: () => number, of: readonly T[]): T => of[Math.floor(next() * of.length)];

/** What a batch may bring besides scores and labels: each present in half of the steps. */
function extras(name: string, batch: TestBatch, next: () => number) {
  const size = batch.student.length;
  const fill = (length: number, of: () => number) => Float32Array.from({ length }, of);
  return {
    ...(next() < 0.5 && { weights: fill(batch.shape[0], () => 0.5 + next()) }),
    ...(next() < 0.5 && name === 'ckl' && { beta: fill(size, () => next() - 0.5) }),
    ...(next() < 0.5 &&
      ['ckl', 'lambdaMrr'].includes(name) && { ranks: fill(size, () => 1 + Math.floor(9 * next())) }),
    ...(next() < 0.5 && name === 'lambdaMrr' && { relevance: fill(size, () => Math.floor(3 * next())) }),
  };
}

/** Options of a loss, few enough to come back often. */
function options(name: string, next: () => number): Options {
  const { parameters, teacher, family } = losses[name as LossName];
  const has = (parameter: string) => (parameters as readonly string[]).includes(parameter);
  return {
    ...(next() < 0.5 && { gradScale: 2 }),
    ...(next() < 0.3 && { studentTemperature: 0.5 }),
    ...(next() < 0.3 && { reduction: one(next, ['mean', 'sum', 'none']) }),
    ...(has('gamma') && next() < 0.5 && { gamma: one(next, [3, 2.5]) }),
    ...(has('alpha') && next() < 0.5 && { alpha: one(next, [0, 0.5]) }),
    ...(has('lambda') && next() < 0.5 && { lambda: one(next, [0.2, 0.3]) }),
    ...(has('nllWeight') && next() < 0.5 && { nllWeight: one(next, [0.2, 0.3]) }),
    ...(teacher && next() < 0.3 && { teacherTemperature: 2 }),
    ...(teacher === true && next() < 0.3 && { teacherGrad: true }),
    ...(family === 'distribution' && next() < 0.3 && { diagnostics: true }),
  };
}

describe.each(lossNames)('%s', (name) => {
  it('called plainly, with batches and options in turn', () => {
    const next = randomNumbers(lossNames.indexOf(name) + 1);
    for (let step = 0; step < 120; step++) {
      const base = one(next, pool);
      const batch = { ...base, ...extras(name, base, next) };
      const chosen = options(name, next);
      expectAlone(lossOf(name)(batch, chosen), name, batch, chosen);
    }
  });

  it('prepared, with batches in turn and arrays that are filled again in place', () => {
    const next = randomNumbers(lossNames.indexOf(name) + 100);
    const chosen = options(name, next);
    delete chosen.reduction;
    using prepared = prepare(name as LossName, { shape: [16, 200], ...chosen });
    const held = pool.map((base) => ({
      ...base,
      student: base.student.slice(),
      ...extras(name, base, next),
    }));
    for (let step = 0; step < 120; step++) {
      // Most batches come twice in a row: the second time with the same arrays, half of the time with other scores in them.
      const batch = step % 2 === 0 ? one(next, held) : held[0];
      [held[0], held[held.indexOf(batch)]] = [batch, held[0]];
      if (next() < 0.5) batch.student.forEach((_, i) => (batch.student[i] = 4 * next() - 2));
      const result = prepared.run(batch);
      expectAlone({ ...result, grad: result.grad.slice() }, name, batch, chosen);
    }
  });
});

describe('the same arrays in another layout', () => {
  // Of 512 scores: too many for the path of small batches, so that the arguments of the run before are compared.
  const { student, teacher, labels } = randomBatch({ seed: 9, queries: 1, docs: 512 });
  labels.forEach((_, i) => (labels[i] = i % 16 === 3 ? 1 : 0));
  const layouts = [
    { shape: [8, 64] },
    { shape: [4, 128] },
    { shape: [16, 32] },
    { shape: [4, 100], rowStride: 128 },
    { shape: [4, 112], rowStride: 128 },
    { shape: [5, 100], rowStride: 103 },
    { shape: [5, 100], rowStride: 101 },
    { shape: [4, 64], rowStride: 128 },
  ] as { shape: [number, number]; rowStride?: number }[];

  it.each(['kl', 'ckl', 'marginMse'] as const)('of a prepared %s is another batch', (name) => {
    using prepared = prepare(name, { shape: [16, 128] });
    for (const first of layouts)
      for (const second of layouts)
        for (const layout of [first, second]) {
          const batch = { student, teacher, labels, ...layout };
          expectAlone(prepared.run(batch), name, batch, {});
        }
  });

  it('a small batch of another element type, of the same size, has results of its own type', () => {
    // Values that bfloat16 holds exactly: both types have the same scores, and gradients that differ by their rounding alone.
    const pick = (array: Float32Array) =>
      Float32Array.from(array.subarray(0, 64), (x) => fromBfloat16(toBfloat16(x)));
    const floats = { student: pick(student), teacher: pick(teacher), labels: labels.slice(0, 64) };
    const halves = {
      student: Uint16Array.from(floats.student, toBfloat16),
      teacher: Uint16Array.from(floats.teacher, toBfloat16),
      labels: floats.labels,
    };
    const shape = [4, 16] as const;
    const expected = alone('kl', { ...floats, shape }, {});
    const rounded = Uint16Array.from(expected.grad as Float32Array, toBfloat16);
    for (let round = 0; round < 3; round++) {
      const whole = kl({ ...floats, shape });
      expect(whole.loss).toBe(expected.loss);
      expectSameBits(whole.grad as Float32Array, expected.grad as Float32Array);
      const half = kl({ ...halves, shape }, { dtype: 'bfloat16' });
      expect(half.loss).toBe(expected.loss);
      expectSameBits(half.grad as Uint16Array, rounded);
    }
  });

  it('of a prepared loss may lose its last queries, and be given by offsets', () => {
    using prepared = prepare('ckl', { shape: [16, 128] });
    const losses = [8, 7, 3, 8].map((queries) => {
      const part = { shape: [queries, 64] as const };
      const cut = <T extends Float32Array | Uint8Array>(a: T) => a.subarray(0, queries * 64) as T;
      const batch = { student: cut(student), teacher: cut(teacher), labels: cut(labels), ...part };
      const { counted, perQuery, loss } = prepared.run(batch);
      expect(counted).toBe(queries);
      expect(perQuery).toHaveLength(queries);
      return loss;
    });
    expect(new Set(losses).size).toBe(3);
    const offsets = Int32Array.from({ length: 9 }, (_, b) => b * 64);
    const ragged = { student, teacher, labels, offsets };
    expect(prepared.run(ragged).loss).toBe(losses[0]);
    // Offsets are read again, whoever they are.
    offsets[4] += 20;
    const moved = prepared.run(ragged).loss;
    expect(moved).not.toBe(losses[0]);
    using other = prepare('ckl', { shape: [16, 128] });
    expect(moved).toBe(other.run(ragged).loss);
  });

  it('inputs that come and go between runs of a prepared loss', () => {
    using prepared = prepare('ckl', { shape: [16, 128] });
    const fill = (length: number, seed: number) => {
      const next = randomNumbers(seed);
      return Float32Array.from({ length }, () => 1 + next());
    };
    const base = { student, teacher, labels, shape: [8, 64] as [number, number] };
    const inputs = [
      {},
      { weights: fill(8, 1) },
      { weights: fill(8, 2) },
      { ranks: fill(512, 3) },
      { ranks: fill(512, 4) },
      { beta: fill(512, 5) },
      { beta: fill(512, 6), weights: fill(8, 7) },
      { teacher: fill(512, 8) },
      { labels: labels.map((label) => 1 - label) },
    ];
    for (const first of inputs)
      for (const second of inputs)
        for (const input of [first, second]) {
          const batch = { ...base, ...input };
          expectAlone(prepared.run(batch), 'ckl', batch, {});
        }
  });

  it('outputs that the caller brings in one run and not in the next', () => {
    using prepared = prepare('kl', { shape: [16, 128] });
    const base = { student, teacher, labels, shape: [8, 64] as [number, number] };
    const expected = alone('kl', base, { teacherGrad: true });
    const own = () => ({
      grad: new Float32Array(512).fill(7),
      perQuery: new Float32Array(8).fill(7),
      teacherGrad: new Float32Array(512).fill(7),
    });
    for (const given of [{}, own(), own(), {}, { grad: own().grad }, { perQuery: own().perQuery }, own()]) {
      const result = prepared.run({ ...base, ...given });
      expectSameResult(result, expected);
      if ('grad' in given) expect(result.grad).toBe(given.grad);
      if ('perQuery' in given) expect(result.perQuery).toBe(given.perQuery);
      expect(result.teacherGrad).toBe('teacherGrad' in given ? given.teacherGrad : undefined);
      if (result.teacherGrad)
        expectSameBits(result.teacherGrad as Float32Array, expected.teacherGrad as Float32Array);
    }
  });
});

describe('combine', () => {
  const batch = randomBatch({ seed: 12, queries: 6, docs: 30 });
  /** Each differs from the one before in one thing only. */
  const sums: Term[][] = [
    [{ loss: 'ckl' }],
    [{ loss: 'ckl', alpha: 0.5 }],
    [{ loss: 'ckl', alpha: 2 }],
    [{ loss: 'ckl', alpha: 2, gamma: 4 }],
    [{ loss: 'ckl', alpha: 2, gamma: 4, weight: 2 }],
    [
      { loss: 'ckl', alpha: 2, gamma: 4, weight: 2 },
      { loss: 'bkl', lambda: 0.2 },
    ],
    [
      { loss: 'ckl', alpha: 2, gamma: 4, weight: 2 },
      { loss: 'bkl', lambda: 0.3 },
    ],
    [
      { loss: 'bkl', lambda: 0.3 },
      { loss: 'ckl', alpha: 2, gamma: 4, weight: 2 },
    ],
    [
      { loss: 'bkl', lambda: 0.3 },
      { loss: 'klLogL', nllWeight: 2 },
    ],
    [
      { loss: 'bkl', lambda: 0.3 },
      { loss: 'klLogL', nllWeight: 3 },
    ],
    [{ loss: 'klLogL', nllWeight: 3 }],
    [{ loss: 'kl' }],
    [{ loss: 'kl', weight: 1 }],
  ];
  const expected = sums.map((terms) => {
    using prepared = prepare('combine', { shape: [6, 30], terms });
    const { loss, grad } = prepared.run(batch);
    return { loss, grad: grad.slice() };
  });

  it('takes the terms of each call, whatever those of the call before', () => {
    sums.forEach((_, i) =>
      sums.forEach((_, j) => {
        for (const k of [i, j, j]) {
          const { loss, grad } = combine(batch, sums[k]);
          expect(loss, `terms ${k} after ${i}, ${j}`).toBe(expected[k].loss);
          expectSameBits(grad, expected[k].grad);
        }
      }),
    );
    // All of them differ but the last two, of which one spells out the default.
    expect(new Set(expected.map(({ loss }) => loss)).size).toBe(sums.length - 1 - 1);
  });

  it('sees a term that is changed in place, added or taken away', () => {
    const terms: Term[] = [{ loss: 'ckl', gamma: 4, alpha: 0.5 }];
    const first = combine(batch, terms).loss;
    terms[0].alpha = 2;
    const second = combine(batch, terms).loss;
    terms.push({ loss: 'kl' });
    const third = combine(batch, terms).loss;
    terms.pop();
    expect(combine(batch, terms).loss).toBe(second);
    terms[0].alpha = 0.5;
    expect(combine(batch, terms).loss).toBe(first);
    expect(new Set([first, second, third]).size).toBe(3);
    delete terms[0].alpha;
    expect(combine(batch, terms).loss).toBe(combine(batch, [{ loss: 'ckl', gamma: 4 }]).loss);
  });

  it('sees options of the call beside the terms', () => {
    const terms: Term[] = [{ loss: 'kl' }, { loss: 'marginMse', weight: 0.1 }];
    for (const option of [{}, { gradScale: 3 }, { gradScale: 2 }, {}, { studentTemperature: 2 }, {}]) {
      using prepared = prepare('combine', { shape: [6, 30], terms, ...option });
      expectSameBits(combine(batch, terms, option).grad, prepared.run(batch).grad);
    }
  });
});
