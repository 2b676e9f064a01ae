// Ids in compact memory: each once, in order, found again, of any characters.
import { describe, expect, it } from 'vitest';
import { IdList } from '../../../lib/data/id-list';

const STRANGE = [
  '',
  'é',
  'ÿ',
  'Ā',
  '東京',
  '\ud800',
  '\0',
  'a\0',
  '7',
  '07',
  ' 7',
  '😀',
  'toString',
  'x'.repeat(70_000),
];

describe('IdList', () => {
  it('has each id once, in the order of its first appearance, and tells its place', () => {
    const list = new IdList();
    expect(STRANGE.map((id) => list.add(id))).toEqual(STRANGE.map(() => true));
    expect(STRANGE.map((id) => list.add(id))).toEqual(STRANGE.map(() => false));
    expect([...list]).toEqual(STRANGE);
    expect(list.slice(2, 5)).toEqual(STRANGE.slice(2, 5));
    expect(list).toHaveLength(STRANGE.length);
    STRANGE.forEach((id, place) => {
      expect(list.placeOf(id)).toBe(place);
      expect(list.at(place)).toBe(id);
    });
    expect(['A', '8', '京', 'x'].map((id) => list.placeOf(id))).toEqual([-1, -1, -1, -1]);
    expect([list.at(-1), list.at(STRANGE.length), list.has('é'), list.has('e')]).toEqual([
      ...[undefined, undefined],
      ...[true, false],
    ]);
  });

  it('grows, and shares its memory', () => {
    const list = new IdList();
    const idOf = (i: number) => (i % 3 === 0 ? `dök-${i}` : i % 3 === 1 ? String(i) : `ж${i}`);
    for (let i = 0; i < 20_000; i++) expect(list.add(idOf(i))).toBe(true);
    const other = IdList.of(list.shared);
    for (let i = 0; i < 20_000; i += 7) {
      expect(list.placeOf(idOf(i))).toBe(i);
      expect(other.placeOf(idOf(i))).toBe(i);
      expect(other.at(i)).toBe(idOf(i));
    }
    expect(other.has('20000')).toBe(false);
    expect(other.shared.bytes.buffer).toBe(list.shared.bytes.buffer);
  });
});
