// What one call keeps for the next is used, and only by the call that says so: steps of one asynchronous run share their scorer.
import { expect, it } from 'vitest';
import { argumentsOf, newNumbers, readPairs } from '../../../lib/embeddings/pairs';
import { readSimilarity } from '../../../lib/embeddings/options';
import { newScoring, ScoringNumber } from '../../../lib/native/scoring';
import { floats, numbers } from './helpers';

const dim = 6;
const next = numbers(41);
const { space } = readSimilarity({ dim, similarity: 'maxSim', tokenSimilarity: 'cosine' });
const given = {
  queries: floats(3 * dim, next),
  documents: floats(5 * dim, next),
  queryOffsets: Int32Array.of(0, 2, 3),
  documentOffsets: Int32Array.of(0, 3, 5),
  candidates: undefined,
  shape: undefined,
  offsets: undefined,
  inBatch: true,
};
const grad = Float32Array.of(1, -2, 3, 4);

async function documentGrad(kept: 0 | 1, same: 0 | 1, between: (documents: Float32Array) => unknown) {
  const pairs = readPairs({ ...given, documents: given.documents.slice() }, space);
  const scorer = newScoring('', 2);
  const numbersOfCall = newNumbers();
  const args = argumentsOf(pairs, space, 1, numbersOfCall);
  numbersOfCall[ScoringNumber.keepWinners] = kept;
  expect(await scorer.scoresAsync(...args, null, new Float32Array(4))).toBe(0);
  await between(pairs.documents.native as Float32Array);
  numbersOfCall[ScoringNumber.samePairs] = same;
  const out = new Float32Array(5 * dim);
  expect(await scorer.backwardAsync(...args, grad, null, out)).toBe(0);
  return out;
}

it('vectors and winners are kept from scoresAsync to backwardAsync, and read anew unless both calls say so', async () => {
  const right = await documentGrad(0, 0, () => {});
  const spoil = (documents: Float32Array) => documents.reverse();
  expect(await documentGrad(1, 1, spoil)).toEqual(right);
  for (const [kept, same] of [
    [0, 0],
    [1, 0],
    [0, 1],
  ] as const) {
    expect(await documentGrad(kept, same, () => {})).toEqual(right);
    expect(await documentGrad(kept, same, spoil)).not.toEqual(right);
  }
});
