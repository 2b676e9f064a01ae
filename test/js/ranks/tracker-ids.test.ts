// Ids of queries and documents in a RankTracker: numbers and the texts that are the same id.
import { expect, it } from 'vitest';
import { RankTracker } from '../../../lib/index';

it('ids are the same when their text is', () => {
  const tracker = new RankTracker();
  const ids = [0, '007', '7', 2 ** 31 - 1, 2 ** 31, '2147483649', 1.5, -3, '', 'é', '4294967296000'];
  tracker.set(12, ids);
  ids.forEach((id, i) => expect(tracker.rank('12', String(id)), String(id)).toBe(i + 1));
  expect(tracker.rank(12, -0)).toBe(1);
});

it('texts that only JavaScript reads as a whole number are ids of their own', () => {
  const tracker = new RankTracker({ depth: 200 });
  const whole = [
    7, 9, 10, 70, 99, 100, 700, 999, 1000, 1500, 5000, 7000, 9999, 10_000, 15_000, 70_000, 100_000, 125_000,
    999_999, 1e6, 1_048_575, 1_048_576, 9_999_999,
  ];
  const larger = [1e7, 99_999_999, 123_456_789, 1e9, 2 ** 31 - 1];
  const others = [
    '7e2',
    '7E2',
    '15e2',
    '1e06',
    '7e+3',
    '7e03',
    '70e03',
    '7e004',
    '1.e3',
    '1.5e4',
    '1.25E5',
    '.5e4',
    '1e1',
    '0x7',
    '0xF4240',
    '0xfffff',
    '0Xabcde',
    '',
    ' ',
    '\n',
    '.7e4',
    '1e6',
    '0x7fffffff',
    '0b111',
    '+7',
    '-7',
    ' 7',
    '7 ',
    '7.',
    '7.0',
    '.7e1',
    '07',
    '00',
    '-0',
    '7_0',
    '7a',
    '70:',
    '7/',
    '9999999a',
    '12345678a',
    '7\0',
    '٧',
  ];
  tracker.set('q', [...whole, ...larger, ...others]);
  const documents = [...whole.map(String), ...larger.map(String), ...others];
  const filled = tracker.fill({ queries: ['q'], documents, shape: [1, documents.length] });
  expect([...filled]).toEqual(documents.map((_, i) => i + 1));
  const numbers = [...whole, ...larger];
  const again = tracker.fill({ queries: ['q'], documents: numbers, shape: [1, numbers.length] });
  expect([...again]).toEqual(numbers.map((_, i) => i + 1));
  // In a tracker that lists only the numbers, none of the texts is found.
  const other = new RankTracker({ depth: 200 });
  other.set('q', numbers);
  expect(others.filter((id) => other.rank('q', id) !== Infinity)).toEqual([]);
});
