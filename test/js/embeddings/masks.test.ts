// Masks: what a guide takes for a positive and what is there twice is left out; a positive never is.
import { expect, it } from 'vitest';
import { falseNegatives, prepare, sameDocuments } from '../../../lib/embeddings/index';

const labels = Uint8Array.of(1, 0, 0, 0, 255, 0, 1, 1, 0, 0, 0, 0);

it('false negatives: above the lowest positive minus the margin', () => {
  const guide = Float32Array.of(5, 4.5, 3.9, 6, 9, 2, 4, 3, 3.2, 1, 9, 9);
  const lists = { guide, labels, shape: [3, 4] as const };
  expect([...falseNegatives(lists)]).toEqual([1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect([...falseNegatives(lists, { margin: 1 })]).toEqual([1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect([...falseNegatives(lists, { margin: 0.3, relative: true })]).toEqual([
    1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
  ]);
  const ragged = { guide, labels, offsets: Int32Array.of(0, 4, 10, 12) };
  expect([...falseNegatives(ragged)]).toEqual([1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1]);
});

it('a relative margin lowers the limit of negative scores, too', () => {
  const lists = { labels: Uint8Array.of(1, 0, 0), shape: [1, 3] as const };
  const guide = Float32Array.of(-10, -10.5, -12);
  expect([...falseNegatives({ ...lists, guide }, { margin: 0.1, relative: true })]).toEqual([1, 0, 1]);
});

it('the same document twice', () => {
  const list = { labels: Uint8Array.of(0, 1, 0, 0, 0, 255), shape: [1, 6] as const };
  expect([...sameDocuments({ ...list, documentIds: ['a', 'b', 'b', 'c', 'c', 'a'] })]).toEqual([
    1, 1, 0, 1, 0, 1,
  ]);
  const own = { ...list, documentIds: ['a', 'b', 'b', 'c', 'c', 'a'], queryIds: ['a'] };
  expect([...sameDocuments(own)]).toEqual([0, 1, 0, 1, 0, 1]);
  const rows = { ...list, documentIds: ['x', 'y', 'y'], candidates: Int32Array.of(0, 1, 2, 0, -1, -1) };
  expect([...sameDocuments(rows)]).toEqual([1, 1, 0, 0, 1, 1]);
});

it('in batch, a positive of one query that is a negative of another', () => {
  const documentIds = [7, 8, 7];
  const batch = { labels: Uint8Array.of(1, 0, 0, 0, 1, 0), shape: [2, 3] as const };
  const mask = sameDocuments({ ...batch, documentIds });
  expect([...mask]).toEqual([1, 1, 0, 1, 1, 0]);
  using op = prepare('nll', { dim: 1, shape: [2, 3], inBatch: true });
  const found = op.run({
    queries: Float32Array.of(1, 1),
    documents: Float32Array.of(1, 1, 1),
    ...batch,
    mask,
  });
  for (const loss of found.perQuery) expect(loss).toBeCloseTo(Math.log(2), 6);
});

it('what is wrong is named', () => {
  expect(() => falseNegatives({ labels, shape: [3, 4], guide: new Float32Array(3) })).toThrow(
    /guide has 3 elements/,
  );
  expect(() =>
    falseNegatives({ labels, shape: [3, 4], guide: new Float32Array(12) }, { margin: NaN }),
  ).toThrow(/margin is NaN/);
  expect(() => sameDocuments({ labels, shape: [3, 4], documentIds: [1, 2] })).toThrow(
    /documentIds has 2 elements/,
  );
  expect(() => sameDocuments({ labels, shape: [3, 4], documentIds: 'abcd' as never })).toThrow(
    /documentIds is 'abcd'/,
  );
});
