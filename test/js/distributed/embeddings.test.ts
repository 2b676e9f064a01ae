// Documents of all ranks as negatives of each rank's queries: loss and gradients have the bits of one process that has everything.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EmbeddingBatch, type Embeddings, prepare } from '../../../lib/embeddings/index';
import type { Communicator } from '../../../lib/distributed/index';
import { floats, numbers } from '../embeddings/helpers';
import { errorOf } from '../loss/helpers';
import { describeEachMpi, programs, written } from './launch';
import { team } from './team';

interface Outcome {
  loss: number;
  counted: number;
  perQuery: Float32Array;
  queryGrad?: Float32Array | Uint16Array;
  documentGrad?: Float32Array | Uint16Array;
  scaleGrad?: number;
}
type Options = Record<string, unknown>;

const dim = 24;
const body = `(joined, { loss, options, batch, total, inPlace, plain }, within) => {
  // A user's own group may have no more than it must.
  const { rank, size } = joined;
  const group = plain ? { rank, size, allGather: (x) => joined.allGather(x), broadcast: (x, root) => joined.broadcast(x, root) } : joined;
  const { prepare } = within('ckl-loss/embeddings');
  const queries = batch.queries.length / ${dim};
  const prepared = prepare(loss, { ...options, dim: ${dim}, shape: [queries, total], group });
  let last;
  for (let k = 0; k < (inPlace ? 1 : 2); k++) {
    const places = inPlace ? { queryGrad: batch.queries, documentGrad: batch.documents } : {};
    const { loss: value, counted, perQuery, queryGrad, documentGrad, scaleGrad } = prepared.run({ ...batch, ...places });
    last = structuredClone({ loss: value, counted, perQuery, queryGrad, documentGrad, scaleGrad });
  }
  prepared.dispose();
  return last;
}`;

/** Queries and documents of each rank; each query's first document is its own, the next are others of the same rank. */
function batchesOf(
  split: readonly (readonly [queries: number, documents: number])[],
  half: boolean,
  bias: boolean,
) {
  const next = numbers(11);
  const vectors = (rows: number): Embeddings => {
    const made = floats(rows * dim, next);
    return half ? new Uint16Array(made.buffer).filter((_, k) => k % 2 === 1) : made;
  };
  return split.map(([queries, documents]) => {
    const own = Int32Array.from({ length: 3 * queries }, (_, k) =>
      documents === 0 || k % 7 === 5 ? -1 : (k * 5) % documents,
    );
    return {
      queries: vectors(queries),
      documents: vectors(documents),
      own,
      labels: Uint8Array.from(own, (place, k) => (place < 0 ? 255 : k % 3 === 0 ? 1 : 0)),
      teacher: floats(own.length, next),
      weights: floats(queries, next).map(Math.abs),
      ...(bias && { bias: floats(documents, next) }),
    };
  });
}
type Part = ReturnType<typeof batchesOf>[number];

/** Arrays one after the other. */
function joined<T extends Float32Array | Uint16Array | Uint8Array | Int32Array>(arrays: readonly T[]): T {
  const Made = arrays[0].constructor as new (length: number) => T;
  const all = new Made(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array as never, at);
    at += array.length;
  }
  return all;
}

/** One process that has everything. */
function whole(loss: string, options: Options, parts: readonly Part[]): Outcome {
  let begin = 0;
  const own = parts.map((part) => {
    const shifted = part.own.map((place) => (place < 0 ? place : place + begin));
    begin += part.documents.length / dim;
    return shifted;
  });
  const batch = {
    queries: joined(parts.map(({ queries }) => queries as Float32Array)),
    documents: joined(parts.map(({ documents }) => documents as Float32Array)),
    own: joined(own),
    labels: joined(parts.map(({ labels }) => labels)),
    teacher: joined(parts.map(({ teacher }) => teacher)),
    weights: joined(parts.map(({ weights }) => weights)),
    ...(parts[0].bias && { bias: joined(parts.map(({ bias }) => bias!)) }),
  };
  const shape = [batch.queries.length / dim, begin] as const;
  using prepared = prepare(loss as 'kl', { ...options, dim, shape, inBatch: true });
  return structuredClone(prepared.run(batch as EmbeddingBatch) as unknown as Outcome);
}

const bits = (array: Float32Array | Uint16Array) => Buffer.from(array.slice().buffer).toString('hex');

function expectSame(found: readonly Outcome[], expected: Outcome, digits = 12): void {
  for (const one of found) {
    expect(one.loss, JSON.stringify(one)).toBe(expected.loss);
    expect(one.counted).toBe(expected.counted);
    if (expected.scaleGrad !== undefined) expect(one.scaleGrad).toBeCloseTo(expected.scaleGrad, digits);
  }
  for (const name of ['perQuery', 'queryGrad', 'documentGrad'] as const) {
    expect(found[0][name] === undefined).toBe(expected[name] === undefined);
    if (expected[name])
      expect(found.map((one) => bits(one[name]!)).join(''), name).toBe(bits(expected[name]));
  }
}

type Split = readonly (readonly [queries: number, documents: number])[];
const splits: Split[] = [
  [[5, 7]],
  [
    [5, 7],
    [3, 40],
  ],
  [
    [4, 9],
    [0, 6],
    [7, 0],
  ],
  [
    [150, 300],
    [1, 1],
    [130, 290],
    [2, 5],
  ],
];
const kinds: [loss: string, options: Options][] = [
  ['nll', { scale: 20, similarity: 'cosine' }],
  ['ckl', { gamma: 5, alpha: 1, scale: 3, scaleGrad: true }],
  ['lambdaMrr', { similarity: 'cosine', scale: 5, reduction: 'sum' }],
  ['kl', { documentGrad: false, teacherTemperature: 2 }],
  ['kl', { queryGrad: false, dtype: 'bfloat16' }],
];

describe.each(['gather', 'ring'])("across: '%s'", (across) => {
  it.each(splits.map((split) => ({ split })))('queries and documents $split', async ({ split }) => {
    for (const [loss, options] of kinds) {
      const half = options.dtype !== undefined;
      const parts = batchesOf(split, half, loss === 'nll');
      const total = split.reduce((sum, [, documents]) => sum + documents, 0);
      const found = await team<Outcome>(split.length, body, (rank) => ({
        ...{ loss, total, options: { ...options, across }, batch: parts[rank] },
      }));
      // In the ring it comes of other sums of float32.
      expectSame(found, whole(loss, options, parts), across === 'ring' ? 5 : 12);
    }
  });

  it('a group that cannot send from rank to rank gives the same', async () => {
    const parts = batchesOf(splits[2], false, true);
    const found = await team<Outcome>(3, body, (rank) => ({
      ...{ loss: 'nll', total: 15, options: { scale: 2, across }, batch: parts[rank], plain: true },
    }));
    expectSame(found, whole('nll', { scale: 2 }, parts));
  });

  it('ranks of which only some can send are told so', async () => {
    const run = `(joined, { across }, within) => {
      const { rank, size } = joined;
      const plain = { rank, size, allGather: (x) => joined.allGather(x), broadcast: (x, root) => joined.broadcast(x, root) };
      within('ckl-loss/embeddings').prepare('nll', { dim: 2, shape: [1, 4], group: rank === 1 ? plain : joined, across });
    }`;
    for (const { code, message } of await team<{ code: string; message: string }>(2, run, () => ({
      across,
    }))) {
      expect(code).toBe('ERR_CKL_GROUP');
      expect(message).toMatch(/differ in .* whether group has sendReceive$/);
    }
  });

  it('the bytes that a rank receives are those of the guide', async () => {
    const count = `(joined, { batch, across }, within) => {
      const { rank, size } = joined;
      const received = { gathered: 0, broadcast: 0, sent: 0 };
      const group = { rank, size,
        allGather: (x) => { received.gathered += 8 * x.length * (size - 1); return joined.allGather(x); },
        broadcast: (x, root) => { received.broadcast += root === rank ? 0 : 8 * x.length; return joined.broadcast(x, root); },
        sendReceive: (...args) => { const out = joined.sendReceive(...args); received.sent += 8 * out.length; return out; } };
      const loss = within('ckl-loss/embeddings').prepare('nll', { dim: ${dim}, shape: [10, 60], group, across });
      for (const name in received) received[name] = 0;
      loss.run(batch);
      return received;
    }`;
    const parts = batchesOf(
      [10, 10, 10].map((queries) => [queries, 20] as const),
      false,
      false,
    );
    const found = await team<Record<string, number>>(3, count, (rank) => ({ batch: parts[rank], across }));
    const [documents, queries, columns] = [40 * dim * 4, 20 * dim * 4, 20 * 20 * 4];
    for (const { gathered, broadcast, sent } of found) {
      if (across === 'ring') expect([broadcast, sent]).toEqual([documents + queries, documents + columns]);
      else expect([broadcast, sent]).toEqual([0, columns]);
      // Besides: a few numbers, and the losses of queries.
      expect(gathered - (across === 'ring' ? 0 : documents + queries)).toBeLessThan(1000);
    }
  });

  it('gradients may take the place of their embeddings', async () => {
    const split = splits[1];
    const parts = batchesOf(split, false, false);
    const options = { scale: 2, similarity: 'cosine' };
    const found = await team<Outcome>(2, body, (rank) => ({
      ...{ loss: 'ckl', total: 47, options: { ...options, across }, batch: parts[rank], inPlace: true },
    }));
    expectSame(found, whole('ckl', options, parts));
  });

  it('a rank that refuses its batch ends the run on all, and the next works', async () => {
    const run = `(group, { across }, within) => {
      const prepared = within('ckl-loss/embeddings').prepare('nll', { dim: 2, shape: [1, 4], group, across });
      const batch = { queries: Float32Array.of(1, 2), documents: Float32Array.of(0, 1, 1, 0), own: Int32Array.of(0), labels: Uint8Array.of(1) };
      const one = group.rank === 1;
      const tried = [one ? { ...batch, queries: 7 } : batch, one ? { ...batch, own: Int32Array.of(2) } : batch,
        one ? { ...batch, scale: 2 } : batch, one ? { ...batch, documents: new Float32Array(8) } : batch,
        one ? { ...batch, labels: Uint8Array.of(9) } : batch, batch];
      return tried.map((one) => { try { return prepared.run(one).counted; } catch (error) { return error.code + ': ' + error.message; } });
    }`;
    const [zero, one] = await team<string[]>(2, run, () => ({ across }));
    const refused = 'ERR_CKL_GROUP: rank 1 refused its batch and reports the reason; nothing was computed';
    const scale = 'ERR_CKL_GROUP: the ranks run different batches: rank 1 has another scale than rank 0';
    const large = expect.stringMatching(/^ERR_CKL_SHAPE/) as unknown;
    expect(zero).toEqual([refused, refused, scale, large, refused, 2]);
    expect(one).toEqual([
      expect.stringMatching(/^ERR_CKL_TYPE: queries is 7/),
      expect.stringMatching(/^ERR_CKL_CANDIDATE: own/),
      scale,
      large,
      expect.stringMatching(/^ERR_CKL_LABEL/),
      2,
    ]);
  });
});

describe.each([
  ['of one dimension', {}],
  ['of several', { dims: [1, 2] }],
])('queries spread over ranks, %s', (_, options) => {
  it('a rank that refuses its batch ends the run on all, and the next works', async () => {
    const run = `(group, options, within) => {
      const prepared = within('ckl-loss/embeddings').prepare('nll', { dim: 2, shape: [1, 4], inBatch: true, group, ...options });
      const batch = { queries: Float32Array.of(1, 2), documents: Float32Array.of(0, 1, 1, 0), own: Int32Array.of(0), labels: Uint8Array.of(1) };
      const one = group.rank === 1;
      const run = (one) => { try { return prepared.run(one).counted; } catch (error) { return error.code + ': ' + error.message; } };
      const wrong = [null, { queries: 7 }, { own: Int32Array.of(2) }, { documents: new Float32Array(16) }, { queryGrad: 7 }, { labels: Uint8Array.of(9) }];
      const found = [...wrong.map((what) => run(one ? what && { ...batch, ...what } : batch)), run(batch)];
      if (one) prepared.dispose();
      return [...found, run(batch)];
    }`;
    const [zero, one] = await team<string[]>(2, run, () => options, { timeout: 20_000 });
    const refused = 'ERR_CKL_GROUP: rank 1 refused its batch and reports the reason; nothing was computed';
    expect(zero).toEqual([...new Array<string>(6).fill(refused), 2, refused]);
    expect(one).toEqual([
      expect.stringMatching(/^ERR_CKL_TYPE/),
      expect.stringMatching(/^ERR_CKL_TYPE: queries is 7/),
      expect.stringMatching(/^ERR_CKL_CANDIDATE: own/),
      expect.stringMatching(/^ERR_CKL_SHAPE/),
      expect.stringMatching(/^ERR_CKL_(TYPE|OPTION): queryGrad is 7/),
      expect.stringMatching(/^ERR_CKL_LABEL/),
      2,
      expect.stringMatching(/^ERR_CKL_DISPOSED/),
    ]);
  });
});

it('what cannot be had across ranks says why', () => {
  const group = { rank: 0, size: 1, allGather: (x: Float64Array) => x.slice() } as unknown as Communicator;
  const given = { dim: 4, shape: [2, 4] as const, across: 'gather', group };
  const refused: [object, RegExp][] = [
    [{ across: 'all' }, /^across is 'all'; it must be gather or ring/],
    [{ across: 1 }, /^across is 1/],
    [{ group: undefined }, /^across is given, but there is no group/],
    [{ similarity: 'maxSim' }, /but similarity is 'maxSim'/],
    [{ inBatch: false }, /but inBatch is false/],
    [{ inBatchScores: 'tiles' }, /but inBatchScores is 'tiles'/],
    [{ scores: true }, /but scores is, too/],
    [{ dims: [2, 4] }, /but dims is, too/],
    [{ diagnostics: true }, /but diagnostics is, too/],
    [{ across: 'ring' }, /^across is 'ring', and group has no method broadcast/],
  ];
  for (const [options, message] of refused)
    expect(errorOf(() => prepare('nll', { ...given, ...options } as never)).message).toMatch(message);
});

describeEachMpi('across ranks of MPI', (launcher) => {
  it.each(['gather', 'ring'])('%s: ranks print the bits of one process', async (across) => {
    const program = join(programs, 'embeddings.mjs');
    const [expected] = await written<{ loss: string; queryGrad: string; documentGrad: string }>(launcher, 1, [
      program,
      'alone',
    ]);
    const ranks = await written<typeof expected>(launcher, 3, [program, across]);
    for (const { loss } of ranks) expect(loss).toBe(expected.loss);
    for (const name of ['queryGrad', 'documentGrad'] as const)
      expect(ranks.map((one) => one[name]).join(''), name).toBe(expected[name]);
  });
});
