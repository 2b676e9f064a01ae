// chunked: a model sees chunks, the loss the whole batch; gradients come back to the chunks they belong to, as of the whole.
import { afterAll, describe, expect, it } from 'vitest';
import { chunked, type ChunkSide, type Embeddings, prepare } from '../../../lib/embeddings/index';
import { floats, numbers } from './helpers';

const [inner, dim] = [5, 6];
const next = numbers(61);
const weights = floats(inner * dim, next);
const inputs = (n: number) => Array.from({ length: n }, () => floats(inner, next));

/** A linear model, and what its backward pass adds to the gradient of its weights. */
function encode(rows: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(rows.length * dim);
  rows.forEach((x, r) => {
    for (let i = 0; i < inner; i++)
      for (let k = 0; k < dim; k++) out[r * dim + k] += x[i] * weights[i * dim + k];
  });
  return out;
}
function addGradient(into: Float64Array, rows: readonly Float32Array[], grad: Embeddings): void {
  rows.forEach((x, r) => {
    for (let i = 0; i < inner; i++)
      for (let k = 0; k < dim; k++) into[i * dim + k] += x[i] * (grad as Float32Array)[r * dim + k];
  });
}

const [queries, documents] = [inputs(5), inputs(11)];
const judged = {
  teacher: floats(55, next),
  labels: Uint8Array.from({ length: 55 }, (_, i) => (i % 11 === 3 ? 1 : 0)),
};
const options = { dim, shape: [5, 11], inBatch: true, similarity: 'cosine', scale: 9 } as const;

it.each([1, 2, 4, 50])('in chunks of %i, loss and gradients are those of the whole batch', async (size) => {
  using op = prepare('kl', options);
  const whole = op.run({ queries: encode(queries), documents: encode(documents), ...judged });
  const grads = { queries: whole.queryGrad!.slice(), documents: whole.documentGrad!.slice() };
  const right = new Float64Array(weights.length);
  addGradient(right, queries, grads.queries);
  addGradient(right, documents, grads.documents);

  const calls: string[] = [];
  const found = new Float64Array(weights.length);
  const seen = { queries: [] as number[], documents: [] as number[] };
  const reused = new Float32Array(size * dim);
  const step = chunked<Float32Array, Float32Array, 'mean'>(
    async (rows, side) => {
      calls.push(`encode ${side} ${rows.length}`);
      await Promise.resolve();
      const out = encode(rows);
      reused.set(out); // what it returns may be overwritten by the next call
      return size === 2 && rows.length === 2 ? reused : out;
    },
    op,
    size,
  );
  const { loss, ...rest } = await step({ queries, documents, ...judged }, async (rows, grad, side) => {
    calls.push(`backward ${side} ${rows.length}`);
    await Promise.resolve();
    op.run({ queries: encode(queries), documents: encode(documents).reverse(), ...judged }); // does no harm
    seen[side].push(...(grad as Float32Array));
    addGradient(found, rows, grad);
  });
  expect(loss).toBe(whole.loss);
  expect(Object.keys(rest).sort()).toEqual(['counted', 'perQuery']);
  expect(seen).toEqual({ queries: [...grads.queries], documents: [...grads.documents] });
  expect(found).toEqual(right);
  const chunks = (side: string, n: number) =>
    Array.from({ length: Math.ceil(n / size) }, (_, i) => `${side} ${Math.min(size, n - i * size)}`);
  const both = [...chunks('queries', 5), ...chunks('documents', 11)];
  expect(calls).toEqual([...both.map((call) => `encode ${call}`), ...both.map((call) => `backward ${call}`)]);
});

it('a frozen side comes as embeddings; a gradient that is switched off is not handed back', async () => {
  const sides: ChunkSide[] = [];
  using frozen = prepare('kl', { ...options, documentGrad: false });
  const batch = { queries, documents: encode(documents), ...judged };
  const { loss } = await chunked(encode, frozen, 3)(batch, (rows, grad, side) => void sides.push(side));
  expect(loss).toBe(frozen.run({ ...batch, queries: encode(queries) }).loss);
  expect(sides).toEqual(['queries', 'queries']);
  await chunked(encode, frozen, 30)({ ...batch, documents }, (rows, grad, side) => void sides.push(side));
  expect(sides).toEqual(['queries', 'queries', 'queries']);
});

it('MaxSim over prefixes: each input has as many tokens as it has', async () => {
  using op = prepare('kl', { dim, dims: [6, 3], shape: [5, 11], inBatch: true, similarity: 'maxSim' });
  const lengths = (n: number) => Int32Array.from({ length: n + 1 }, (_, i) => i + Math.floor((i * i) / 4));
  const [q, d] = [lengths(5), lengths(11)];
  const vectors = floats(100 * dim, next);
  const whole = {
    queries: vectors.subarray(0, q[5] * dim),
    documents: vectors.subarray(0, d[11] * dim),
    queryOffsets: q,
    documentOffsets: d,
  };
  const right = op.run({ ...whole, ...judged });
  const gradOf = { queries: [] as number[], documents: [] as number[] };
  const ids = (n: number) => Array.from({ length: n }, (_, i) => i);
  const step = chunked(
    (chunk: readonly number[], side) => {
      const offsets = side === 'queries' ? q : d;
      const [begin, end] = [offsets[chunk[0]], offsets[chunk[0] + chunk.length]];
      return {
        vectors: vectors.subarray(begin * dim, end * dim),
        offsets: Int32Array.from([...chunk, chunk[0] + chunk.length], (i) => offsets[i] - begin),
      };
    },
    op,
    4,
  );
  const expected = { queries: [...right.queryGrad!], documents: [...right.documentGrad!] };
  const { loss } = await step(
    { queries: ids(5), documents: ids(11), ...judged },
    (_, grad, side) => void gradOf[side].push(...(grad as Float32Array)),
  );
  expect(loss).toBe(right.loss);
  expect(gradOf).toEqual(expected);
});

describe('errors', () => {
  const op = prepare('kl', options);
  afterAll(() => op.dispose());
  const step = (made: unknown) =>
    chunked(made as typeof encode, op, 2)({ queries, documents, ...judged }, () => {});
  it.each([
    [() => new Float32Array(7), /what encode returned for queries has 7 elements; 2 vectors of 6 are needed/],
    [() => [1, 2], /what encode returned is .*; it must be a typed array of embeddings/],
    [
      () => ({ vectors: new Float32Array(12), offsets: Int32Array.of(0, 2) }),
      /has 2 offsets from 0; 2 inputs need 3/,
    ],
    [
      (rows: unknown[]) => (rows.length === 2 ? new Float32Array(12) : new Uint16Array(6)),
      /what encode returned is .*; it must be an array of the type of the first chunk of queries/,
    ],
    [
      () => {
        throw new Error('out of memory');
      },
      /^out of memory$/,
    ],
  ])('%s', async (made, message) => {
    await expect(step(made)).rejects.toThrow(message);
    expect(
      op.run({ queries: encode(queries), documents: encode(documents), ...judged }).loss,
    ).toBeGreaterThan(0);
  });
  it('of options and outputs', async () => {
    expect(() => chunked(encode, op, 0)).toThrow(/size is 0; it must be an integer of 1 or more/);
    expect(() => chunked(null as never, op, 1)).toThrow(/encode is null; it must be a function/);
    expect(() => chunked(encode, {} as never, 1)).toThrow(/op is .*; it must be a prepared loss/);
    const batch = { queries, documents, ...judged, queryGrad: new Float32Array(30) };
    await expect(chunked(encode, op, 2)(batch, () => {})).rejects.toThrow(
      /queryGrad is given; the gradients of chunks/,
    );
  });
});
