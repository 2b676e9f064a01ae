// MaxSim with tokens that are left out: as if they were not there, in plain, prepared and asynchronous calls.
import { describe, expect, it } from 'vitest';
import { backward, backwardAsync, prepare, scores, scoresAsync } from '../../../lib/embeddings/index';
import { floats, numbers } from './helpers';

const dim = 8;
const next = numbers(32);
const options = { dim, similarity: 'maxSim', tokenSimilarity: 'cosine', tokenMean: true } as const;
// Two queries of 3 and 2 tokens, three documents of 4, 3 and 2; the last token of each but one is padding.
const padded = {
  queries: floats(5 * dim, next),
  documents: floats(9 * dim, next),
  queryOffsets: Int32Array.of(0, 3, 5),
  documentOffsets: Int32Array.of(0, 4, 7, 9),
  queryMask: Uint8Array.of(1, 1, 0, 1, 0),
  documentMask: Uint8Array.of(1, 1, 1, 0, 1, 0, 1, 1, 0),
};
const left = (x: Float32Array, mask: Uint8Array) => x.filter((_, i) => mask[Math.floor(i / dim)] === 1);
const dense = {
  queries: left(padded.queries, padded.queryMask),
  documents: left(padded.documents, padded.documentMask),
  queryOffsets: Int32Array.of(0, 2, 3),
  documentOffsets: Int32Array.of(0, 3, 5, 6),
};
padded.queries.fill(NaN, 2 * dim, 3 * dim);

it('scores and gradients are those without the tokens; theirs is 0', async () => {
  const found = scores({ ...padded, inBatch: true }, options);
  expect(found).toEqual(scores({ ...dense, inBatch: true }, options));
  expect(await scoresAsync({ ...padded, inBatch: true }, options)).toEqual(found);
  const grad = floats(6, next);
  const back = backward({ ...padded, inBatch: true, grad }, options);
  const right = backward({ ...dense, inBatch: true, grad }, options);
  expect(left(back.queryGrad!, padded.queryMask)).toEqual(right.queryGrad);
  expect(left(back.documentGrad!, padded.documentMask)).toEqual(right.documentGrad);
  const none = [...back.queryGrad!.subarray(2 * dim, 3 * dim), ...back.documentGrad!.subarray(8 * dim)];
  expect(none.every((x) => x === 0)).toBe(true);
  expect(await backwardAsync({ ...padded, inBatch: true, grad }, options)).toEqual(back);
});

it('a prepared loss, and many of its runs at a time', async () => {
  using op = prepare('kl', { ...options, scale: 9, shape: [2, 3], inBatch: true });
  const judged = { teacher: floats(6, next), labels: Uint8Array.of(1, 0, 0, 0, 1, 0) };
  const all = Array.from({ length: 6 }, (_, i) =>
    i % 2 === 0 ? padded : { ...padded, queryMask: Uint8Array.of(1, 1, 0, 0, 1) },
  );
  const right = all.map((batch) => {
    const { queryGrad, documentGrad, loss } = op.run({ ...batch, ...judged });
    return { queryGrad: queryGrad!.slice(), documentGrad: documentGrad!.slice(), loss };
  });
  expect(right[0].loss).not.toBe(right[1].loss);
  const found = await Promise.all(all.map((batch) => op.runAsync({ ...batch, ...judged })));
  found.forEach((result, i) => expect(result).toMatchObject(right[i]));
});

describe('errors', () => {
  it.each([
    [{ queryMask: [1] }, {}, /queryMask is \[ 1 \]; it must be a Uint8Array/],
    [{ documentMask: new Uint8Array(8) }, {}, /documentMask has 8 elements; it needs 9/],
    [
      { queryOffsets: undefined, documentOffsets: undefined, documentMask: undefined },
      { similarity: 'dot', tokenSimilarity: undefined, tokenMean: undefined },
      /queryMask is given and similarity is 'dot'; only 'maxSim'/,
    ],
  ] as [object, object, RegExp][])('%o', (input, changed, message) => {
    expect(() => scores({ ...padded, inBatch: true, ...input }, { ...options, ...changed })).toThrow(message);
  });
  it('an output over a mask', () => {
    const memory = new ArrayBuffer(24);
    const documentMask = new Uint8Array(memory, 3, 9).fill(1);
    const input = { ...padded, inBatch: true, documentMask, scores: new Float32Array(memory) };
    expect(() => scores(input, options)).toThrow(/scores and documentMask share memory/);
  });
});
