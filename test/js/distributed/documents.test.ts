// Documents spread over ranks: where the parts are whole chunks of 4096, loss and gradients have the bits of one process; elsewhere they are
// within the stated accuracy.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Communicator, prepare } from '../../../lib/index';
import {
  distributionLosses,
  errorOf,
  expectClose,
  lossNames,
  randomBatch,
  type TestBatch,
} from '../loss/helpers';
import { describeEachMpi, programs, written } from './launch';
import { team } from './team';

interface Case {
  name: string;
  loss: string;
  options: Record<string, unknown>;
  batch: TestBatch;
}

interface Outcome {
  loss: number;
  counted: number;
  grad: Float32Array | Uint16Array;
  perQuery: Float32Array;
}

const body = `(group, { begin, cases }, within) => cases.map(({ loss, options, batch, documents }) => {
  const prepared = within('ckl-loss').prepare(loss, { ...options, shape: batch.shape, shard: { group, begin, documents } });
  let last;
  for (let k = 0; k < 2; k++) {
    const { loss: value, counted, grad, perQuery } = prepared.run(batch);
    last = { loss: value, counted, grad: grad.slice(), perQuery: perQuery.slice() };
  }
  prepared.dispose();
  return last;
})`;

/** Documents [from, to) of every list. */
function part(batch: TestBatch, from: number, to: number): TestBatch {
  const [queries, docs] = batch.shape;
  const columns = <T extends { slice(a: number, b: number): T; length: number; set(a: T, at: number): void }>(
    array: T,
  ): T => {
    const Array = array.constructor as new (n: number) => T;
    const out = new Array(queries * (to - from));
    for (let b = 0; b < queries; b++) out.set(array.slice(b * docs + from, b * docs + to), b * (to - from));
    return out;
  };
  return {
    student: columns(batch.student),
    teacher: columns(batch.teacher),
    labels: columns(batch.labels),
    shape: [queries, to - from],
    ...(batch.ranks ? { ranks: columns(batch.ranks as Float32Array) } : {}),
    ...(batch.beta ? { beta: columns(batch.beta) } : {}),
    ...(batch.weights ? { weights: batch.weights } : {}),
  };
}

async function spread(cases: readonly Case[], begins: readonly number[]): Promise<Outcome[][]> {
  const results = await team<Outcome[]>(begins.length - 1, body, (rank) => ({
    begin: begins[rank],
    cases: cases.map(({ loss, options, batch }) => ({
      loss,
      options,
      batch: part(batch, begins[rank], begins[rank + 1]),
      documents: batch.shape[1],
    })),
  }));
  const messages = results.map((outcomes) => (outcomes as unknown as Error).message).join('; ');
  for (const outcomes of results) expect(outcomes, messages).toBeInstanceOf(Array);
  return results;
}

function whole({ loss, options, batch }: Case): Outcome {
  using prepared = prepare(loss as 'kl', { ...options, shape: batch.shape });
  const { loss: value, counted, grad, perQuery } = prepared.run(batch);
  return { loss: value as number, counted, grad: (grad as Float32Array).slice(), perQuery: perQuery.slice() };
}

const words = (x: Float32Array | Uint16Array): Uint32Array | Uint16Array =>
  x instanceof Float32Array ? new Uint32Array(x.slice().buffer) : x;
/** NaN has many bits. */
const plain = (x: Float32Array | Uint16Array): typeof x =>
  x.map((value) => (Number.isNaN(value) ? NaN : value));

function columnsOf(
  grad: Float32Array | Uint16Array,
  docs: number,
  from: number,
  to: number,
): Float32Array | Uint16Array {
  const queries = grad.length / docs;
  const out = grad.slice(0, queries * (to - from));
  for (let b = 0; b < queries; b++) out.set(grad.subarray(b * docs + from, b * docs + to), b * (to - from));
  return out;
}

const docs = 3 * 4096 + 37;
const queries = 9;

/** Rows of every kind: padded at the end and between, with ties at the top in three chunks, far apart, NaN, -inf, without a positive. */
function batchOf(seed: number): TestBatch {
  const batch = randomBatch({ seed, queries, docs, scale: 3, separable: false });
  const { student, teacher, labels } = batch;
  const row = (b: number): [number, number] => [b * docs, (b + 1) * docs];
  labels.fill(0);
  for (let at = 0; at < labels.length; at += 1777) labels[at] = 1;
  for (let i = 0; i < docs; i += 5) labels[docs + i] = 255;
  labels.fill(255, 2 * docs + 4096 + 5, 3 * docs);
  for (const at of [3, 4099, 4115, 8195, 8211, 8227, docs - 1])
    student[3 * docs + at] = teacher[3 * docs + at + 1 - (at === docs - 1 ? 1 : 0)] = 30;
  student[4 * docs + 9000] = 400;
  teacher[4 * docs + 100] = 250;
  student[5 * docs + 5000] = NaN;
  student.fill(-Infinity, 6 * docs + 10, 6 * docs + 4200);
  teacher.fill(-Infinity, 6 * docs + 8000, 6 * docs + 9000);
  labels.fill(0, ...row(7));
  return batch;
}

const base = batchOf(7);
const weighted = { ...batchOf(8), weights: Float32Array.from({ length: queries }, (_, b) => 0.3 + b / 7) };
const ranked = {
  ...batchOf(9),
  ranks: Uint16Array.from({ length: queries * docs }, (_, k) => 1 + ((k * 7919) % 997)),
};
const given = { ...batchOf(10), beta: Float32Array.from({ length: queries * docs }, (_, k) => Math.sin(k)) };
const sum = [
  { loss: 'kl', weight: 0.5 },
  { loss: 'ckl', weight: 2, alpha: 0.5 },
  { loss: 'nll', weight: 0.1 },
];

const cases: Case[] = [
  ...distributionLosses.map((loss) => ({ name: loss, loss, options: {}, batch: base })),
  {
    name: 'temperatures',
    loss: 'kl',
    options: { studentTemperature: 0.7, teacherTemperature: 3, gradScale: 8 },
    batch: weighted,
  },
  { name: 'sum', loss: 'ckl', options: { reduction: 'sum', gamma: 2.5 }, batch: weighted },
  { name: 'alpha 0', loss: 'ckl', options: { alpha: 0 }, batch: weighted },
  { name: 'ranks', loss: 'ckl', options: { gamma: 5 }, batch: ranked },
  { name: 'beta', loss: 'ckl', options: { gamma: 5 }, batch: given },
  { name: 'combine', loss: 'combine', options: { terms: sum }, batch: weighted },
  { name: 'threads', loss: 'jsd', options: { threads: 3 }, batch: base },
];

describe('documents spread over ranks, in whole chunks', () => {
  it.each([
    [[0, docs]],
    [[0, 8192, docs]],
    [[0, 4096, 8192, docs]],
    [[0, 4096, 8192, 12288, docs]],
    [[0, 8192, 8192, docs]],
  ])('ranks that begin at %o have the bits of one process', async (begins) => {
    const ranks = await spread(cases, begins);
    cases.forEach((one, k) => {
      const expected = whole(one);
      ranks.forEach((outcomes, rank) => {
        const found = outcomes[k];
        expect(found.counted, one.name).toBe(expected.counted);
        expect(words(plain(found.perQuery)), `${one.name}: perQuery`).toEqual(
          words(plain(expected.perQuery)),
        );
        expect(found.loss, one.name).toBe(expected.loss);
        const grad = columnsOf(expected.grad, docs, begins[rank], begins[rank + 1]);
        expect(words(plain(found.grad)), `${one.name}: grad of rank ${rank}`).toEqual(words(plain(grad)));
      });
    });
  });

  it('queries of several blocks have the bits of one process', async () => {
    const batch = randomBatch({ seed: 21, queries: 110, docs: 8192, scale: 3, separable: false });
    batch.student[60 * 8192 + 5000] = NaN;
    const some = [
      { name: 'kl', loss: 'kl', options: {}, batch },
      { name: 'combine', loss: 'combine', options: { terms: sum }, batch },
    ];
    const begins = [0, 4096, 8192];
    const ranks = await spread(some, begins);
    some.forEach((one, k) => {
      const expected = whole(one);
      ranks.forEach((outcomes, rank) => {
        expect(outcomes[k].loss, one.name).toBe(expected.loss);
        const grad = columnsOf(expected.grad, 8192, begins[rank], begins[rank + 1]);
        expect(Buffer.from(plain(outcomes[k].grad).buffer).equals(Buffer.from(plain(grad).buffer))).toBe(
          true,
        );
      });
    });
  });

  it('halves have the bits of one process, too', async () => {
    const half = (x: Float32Array) => new Uint16Array(x.slice().buffer).filter((_, k) => k % 2 === 1);
    const { labels, shape } = base;
    const batch = {
      student: half(base.student),
      teacher: half(base.teacher),
      labels,
      shape,
    } as unknown as TestBatch;
    const halves = ['kl', 'ckl'].map((loss) => ({ name: loss, loss, options: { dtype: 'bfloat16' }, batch }));
    const begins = [0, 4096, docs];
    const ranks = await spread(halves, begins);
    halves.forEach((one, k) => {
      const expected = whole(one);
      ranks.forEach((outcomes, rank) =>
        expect(outcomes[k].grad).toEqual(columnsOf(expected.grad, docs, begins[rank], begins[rank + 1])),
      );
    });
  });
});

describe('documents spread over ranks, anywhere', () => {
  it.each([
    [200, [0, 3, 150, 200]],
    [40, [0, 20, 40]],
    [5000, [0, 1, 4097, 5000]],
  ])('%i documents that begin at %o are within the accuracy', async (n, begins) => {
    const batch = randomBatch({ seed: n, queries: 4, docs: n, padding: 5 });
    const some = [...distributionLosses, 'ckl'].map((loss) => ({ name: loss, loss, options: {}, batch }));
    const ranks = await spread(some, begins);
    some.forEach((one, k) => {
      const expected = whole(one);
      ranks.forEach((outcomes, rank) => {
        const found = outcomes[k];
        expect(found.counted).toBe(expected.counted);
        expect(Math.abs(found.loss - expected.loss)).toBeLessThan(2e-5 * (1 + Math.abs(expected.loss)));
        expectClose(
          found.grad as Float32Array,
          columnsOf(expected.grad, n, begins[rank], begins[rank + 1]) as Float32Array,
          2e-6,
        );
      });
    });
  });
});

const alone = {
  rank: 0,
  size: 1,
  allGather: (values: Float64Array) => values.slice(),
} as unknown as Communicator;

describe('what cannot be spread', () => {
  const shard = { group: alone, begin: 0, documents: 4 };
  const shape = [2, 4] as const;

  it.each(lossNames.filter((name) => !distributionLosses.includes(name)))('%s says why', (loss) => {
    const error = errorOf(() => prepare(loss, { shape, shard }));
    expect(error.code).toBe('ERR_CKL_OPTION');
    expect(error.message).toMatch(new RegExp(`^shard is given, but ${loss} compares pairs of documents`));
  });

  it('options and shards that do not fit', () => {
    const refused: [object, RegExp][] = [
      [{ shard, teacherGrad: true }, /^shard is given, but teacherGrad is wanted/],
      [{ shard, diagnostics: true }, /^shard is given, but diagnostics are wanted/],
      [{ shard, group: alone }, /^group and shard are given/],
      [{ shard: null }, /^shard is null; it must be \{ group, begin, documents \}/],
      [{ shard: { ...shard, begin: -1 } }, /^shard\.begin is -1/],
      [{ shard: { ...shard, documents: 1.5 } }, /^shard\.documents is 1\.5/],
      [{ shard: { ...shard, group: {} } }, /^shard\.group has size undefined/],
      [{ shard: { ...shard, documents: 5 } }, /they have 4 documents together, and the lists 5/],
      [
        { shard: { ...shard, begin: 1, documents: 5 } },
        /rank 0's documents begin at 1, and those before it end at 0/,
      ],
    ];
    for (const [options, message] of refused)
      expect(() => prepare('kl', { shape, ...options } as { shape: [number, number] })).toThrow(message);
  });

  it('batches that do not fit leave the outputs alone, and the next run works', () => {
    const loss = prepare('kl', { shape, shard });
    const batch = randomBatch({ seed: 1, queries: 2, docs: 4 });
    const grad = new Float32Array(8).fill(5);
    expect(() => loss.run({ ...randomBatch({ seed: 1, queries: 2, docs: 3 }), grad })).toThrow(
      "the batch has 3 documents per query, and this rank's part was prepared with 4",
    );
    expect(() => loss.run({ ...batch, shape: undefined, offsets: Int32Array.of(0, 4, 8), grad })).toThrow(
      /^offsets are given/,
    );
    expect(() => loss.run({ ...batch, labels: new Uint8Array(8).fill(9), grad })).toThrow(
      /^labels at query 0/,
    );
    expect([...grad]).toEqual(new Array(8).fill(5));
    expect(loss.run(batch).counted).toBe(2);
    loss.dispose();
    expect(() => loss.run(batch)).toThrow(/was disposed/);
  });

  it('ranks that prepare other losses or options are told so', async () => {
    const run = `(group, input, within) => {
      const { prepare } = within('ckl-loss');
      const shard = { group, begin: 2 * group.rank, documents: 4 };
      const tried = [['kl', {}], [group.rank === 1 ? 'jsd' : 'kl', {}], ['kl', { gradScale: 1 + group.rank }]];
      return tried.map(([loss, options]) => {
        try { prepare(loss, { ...options, shape: [2, 2], shard }); return 'prepared'; } catch (error) { return error.code + ': ' + error.message; }
      });
    }`;
    const other =
      'ERR_CKL_GROUP: rank 1 has prepared another loss than rank 0, or with other options; all ranks prepare alike';
    for (const found of await team<string[]>(2, run)) expect(found).toEqual(['prepared', other, other]);
  });

  it('a rank that refuses its batch, or has another, ends the run on every rank', async () => {
    const run = `(group, input, within) => {
      const prepared = within('ckl-loss').prepare('ckl', { shape: [2, 2], shard: { group, begin: 2 * group.rank, documents: 4 } });
      const batch = { student: new Float32Array(4), teacher: Float32Array.of(0, 1, 2, 3), labels: Uint8Array.of(1, 0, 1, 0), weights: Float32Array.of(1, 2) };
      const one = group.rank === 1;
      const tried = [one ? { ...batch, labels: Uint8Array.of(1, 0, 0, 7) } : batch, one ? { ...batch, student: 7 } : batch,
        one ? { ...batch, weights: Float32Array.of(2, 1) } : batch, one ? { ...batch, ranks: new Uint8Array(4).fill(1) } : batch,
        one ? { ...batch, weights: Float32Array.of(1), student: new Float32Array(2), teacher: new Float32Array(2), labels: Uint8Array.of(1, 0), shape: [1, 2] } : batch, batch];
      return tried.map((one) => { try { return prepared.run(one).counted; } catch (error) { return error.code + ': ' + error.message; } });
    }`;
    const [zero, one] = await team<string[]>(2, run);
    const refused = 'ERR_CKL_GROUP: rank 1 refused its batch and reports the reason; nothing was computed';
    const different = 'ERR_CKL_GROUP: the ranks run different batches: ';
    expect(zero).toEqual([
      refused,
      refused,
      `${different}the weights of rank 1 are not those of rank 0`,
      `${different}ranks or beta are given on rank 1 and not on rank 0`,
      `${different}rank 1 has 1 queries, and rank 0 2`,
      2,
    ]);
    expect(one[0]).toMatch(/^ERR_CKL_LABEL: labels at query 1, document 1, is 7/);
    expect(one[1]).toMatch(/^ERR_CKL_TYPE: student is 7/);
    expect(one.slice(2)).toEqual(zero.slice(2));
  });
});

describeEachMpi('documents spread over ranks', (launcher) => {
  it.each([2, 3, 4])('%i ranks print the bits of one process', async (size) => {
    const program = join(programs, 'documents.mjs');
    const [expected] = await written<Written>(launcher, 1, [program, 'alone']);
    const ranks = await written<Written>(launcher, size, [program]);
    for (const { loss } of ranks) expect(loss).toBe(expected.loss);
    expected.grads.forEach((grad, b) => expect(ranks.map(({ grads }) => grads[b]).join('')).toBe(grad));
  });
});

interface Written {
  loss: string;
  grads: string[];
}
