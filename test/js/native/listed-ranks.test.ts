// The addon's ranks from short lists: the last line of defence, against rows that lie outside their arrays.
import { expect, it } from 'vitest';
import { NativeStatus } from '../../../lib/native/codes';
import { native } from '../../../lib/native/native';

const documents = Uint32Array.of(9, 5, 7, 2 ** 31 + 1);
const ranks = Uint16Array.of(1, 1, 3, 4);
const codes = Uint32Array.of(7, 2 ** 31 + 1, 2 ** 32 - 1, 9, 5);

const run = (row: readonly number[], given: Partial<Record<'count' | 'length', number>> = {}) => {
  const out = new Float32Array(given.length ?? 5).fill(-1);
  const { count = 1 } = given;
  const status = native.listedRanks(documents, ranks, Float64Array.from(row), count, codes, Infinity, out);
  return { status, out: [...out] };
};

it('are written for the documents of each row, and nowhere else', () => {
  expect(run([0, 4, 0, 5]).out).toEqual([3, 4, Infinity, 1, 1]);
  expect(run([1, 2, 1, 5]).out).toEqual([-1, Infinity, Infinity, Infinity, 1]);
  expect(run([0, 0, 0, 2, 3, 1, 3, 4], { count: 2 }).out).toEqual([Infinity, Infinity, -1, Infinity, -1]);
  expect(run([0, 4, 3, 3]).out).toEqual([-1, -1, -1, -1, -1]);
});

it.each([
  ['a list that ends behind all lists', [1, 4, 0, 5], {}],
  ['a list that begins before them', [-1, 2, 0, 5], {}],
  ['a negative length', [2, -1, 0, 5], {}],
  ['documents behind the codes', [0, 4, 0, 6], { length: 6 }],
  ['documents behind the output', [0, 4, 0, 5], { length: 4 }],
  ['documents before the codes', [0, 4, -1, 5], {}],
  ['a list at no number', [NaN, 4, 0, 5], {}],
  ['documents to no number', [0, 4, 0, NaN], {}],
  ['more rows than there are', [0, 4, 0, 5], { count: 2 }],
  ['a count that is no number', [0, 4, 0, 5], { count: NaN }],
] as const)('%s is refused', (_, row, given) => {
  const { status, out } = run(row, given);
  expect(status).not.toBe(NativeStatus.ok);
  expect(out.every((rank) => rank === -1)).toBe(true);
});

it('other arrays than these are refused', () => {
  const good = [documents, ranks, Float64Array.of(0, 4, 0, 5), 1, codes, Infinity, new Float32Array(5)];
  const call = native.listedRanks as (...given: unknown[]) => NativeStatus;
  expect(call(...good)).toBe(NativeStatus.ok);
  for (let i = 0; i < good.length; i++)
    for (const wrong of [undefined, null, new Uint8Array(64), {}])
      expect(call(...good.with(i, wrong as never)), `argument ${i}`).not.toBe(NativeStatus.ok);
  expect(call(...good.slice(0, 6))).not.toBe(NativeStatus.ok);
  const fewer = good.with(0, documents.subarray(1));
  expect(call(...fewer)).not.toBe(NativeStatus.ok);
});
