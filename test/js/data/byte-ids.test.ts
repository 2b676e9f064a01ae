// Ids as bytes: coded in the order in which they come, found again, ordered as C orders them, and known as whole numbers.
import { beforeEach, describe, expect, it } from 'vitest';
import { ByteIds } from '../../../lib/data/bytes/ids';

let ids: ByteIds;
const bytesOf = (text: string) => Buffer.from(text, 'latin1');
const intern = (text: string) => ids.intern(bytesOf(text), 0, text.length);

beforeEach(() => {
  ids = new ByteIds();
});

describe('a table of ids', () => {
  it('codes ids in the order in which they first come, however many there are', () => {
    const all = Array.from({ length: 1000 }, (_, i) => `id${(i * 7919) % 1000}`);
    expect(all.map(intern)).toEqual([...all.keys()]);
    expect(all.map(intern)).toEqual([...all.keys()]);
    expect(ids.count).toBe(1000);
    const find = (text: string) => ids.find(bytesOf(`<${text}>`), 1, text.length + 1);
    expect([find('id0'), find('id1000'), find('id'), find('')]).toEqual([0, -1, -1, -1]);
  });

  it('finds and takes the ids of another table', () => {
    ['b', 'a', 'c'].forEach(intern);
    const other = new ByteIds();
    for (const text of ['c', 'd', 'b']) other.intern(bytesOf(text), 0, 1);
    expect([0, 1, 2].map((code) => ids.findIn(other, code))).toEqual([2, -1, 0]);
    expect([0, 1, 2].map((code) => ids.internFrom(other, code))).toEqual([2, 3, 0]);
    expect(ids.text(3)).toBe('d');
  });

  it('orders two ids byte by byte, the shorter one first', () => {
    const texts = ['', 'a', 'ab', 'b', 'ba', '\xe9'];
    texts.forEach(intern);
    for (let a = 0; a < texts.length; a++)
      for (let b = 0; b < texts.length; b++) expect(Math.sign(ids.compare(a, b))).toBe(Math.sign(a - b));
  });

  it.each([
    ['0', 0],
    ['9', 9],
    ['10', 10],
    ['1900', 1900],
    ['2147483647', 2147483647],
    ['2147483648', -1],
    ['9999999999', -1],
    ['10000000000', -1],
    ['00', -1],
    ['07', -1],
    ['', -1],
    ['-1', -1],
    ['1.5', -1],
    ['1/2', -1],
    ['12:', -1],
    ['a1', -1],
  ])('knows %j as the whole number %d', (text, expected) => {
    expect(ids.wholeNumber(intern(text))).toBe(expected);
  });
});
