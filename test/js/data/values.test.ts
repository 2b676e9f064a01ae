// Checks of single values: what each takes, and what it says of everything else.
import { describe, expect, it } from 'vitest';
import { asArray, asId, asScore, asText, asWhole, NotText, shown } from '../../../lib/data/values';

const found = (check: (value: unknown, what: string) => unknown, value: unknown): unknown => {
  try {
    return check(value, 'x');
  } catch (error) {
    const { expected, found: met } = error as { expected: string; found: string };
    return `expected ${expected}; found ${met}`;
  }
};

const [ID, TEXT, SCORE, WHOLE] = [
  'expected an id (text or a whole number) as x',
  'expected text as x',
  'expected a finite number as x',
  'expected a whole number as x',
];

/** What has no JSON is named without quotation marks. */
const UNQUOTED = new Set(['nothing', 'a date', 'bytes that are not UTF-8']);

describe.each<[unknown, id: unknown, text: unknown, score: unknown, whole: unknown, name: string]>([
  ['a', 'a', 'a', SCORE, WHOLE, '"a"'],
  ['', ID, '', SCORE, WHOLE, '""'],
  ['7', '7', '7', SCORE, WHOLE, '"7"'],
  [7, '7', TEXT, 7, 7, '7'],
  [-0.5, ID, TEXT, -0.5, WHOLE, '-0.5'],
  [12n, '12', TEXT, 12, 12, '12'],
  [2n ** 60n, '1152921504606846976', TEXT, 2 ** 60, WHOLE, '1152921504606846976'],
  [2 ** 53, ID, TEXT, 2 ** 53, WHOLE, '9007199254740992'],
  [Infinity, ID, TEXT, SCORE, WHOLE, 'Infinity'],
  [NaN, ID, TEXT, SCORE, WHOLE, 'NaN'],
  [true, ID, TEXT, SCORE, WHOLE, 'true'],
  [null, ID, TEXT, SCORE, WHOLE, 'null'],
  [undefined, ID, TEXT, SCORE, WHOLE, 'nothing'],
  [[1, { a: 'b' }], ID, TEXT, SCORE, WHOLE, '[1,{"a":"b"}]'],
  [new Date(0), ID, TEXT, SCORE, WHOLE, 'a date'],
  [new NotText(), ID, TEXT, SCORE, WHOLE, 'bytes that are not UTF-8'],
])('%o', (value, id, text, score, whole, name) => {
  it.each<[string, (value: unknown, what: string) => unknown, unknown]>([
    ['id', asId, id],
    ['text', asText, text],
    ['score', asScore, score],
    ['whole number', asWhole, whole],
  ])('as %s', (_, check, expected) => {
    const refused = [ID, TEXT, SCORE, WHOLE].includes(expected as string);
    expect(found(check, value)).toBe(
      refused ? `${expected as string}; found ${UNQUOTED.has(name) ? name : JSON.stringify(name)}` : expected,
    );
  });
});

it('an element of an array is named by its place', () => {
  expect(asArray([1, 2n], 'scores', asScore)).toEqual([1, 2]);
  const scores = (value: unknown, what: string) => asArray(value, what, asScore);
  expect(found(scores, [1, 'a'])).toBe(`expected a finite number as x[1]; found ${JSON.stringify('"a"')}`);
  expect(found(scores, { 0: 1 })).toBe(`expected an array as x; found ${JSON.stringify('{"0":1}')}`);
});

it('a value is shown by its beginning, however large or deep it is', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 1e5; i++) deep = [deep];
  for (const value of ['x'.repeat(1e5), Array.from({ length: 1e5 }, (_, i) => i), deep]) {
    expect(shown(value).length).toBeLessThan(70);
    expect(shown(value).length).toBeGreaterThan(40);
  }
});
