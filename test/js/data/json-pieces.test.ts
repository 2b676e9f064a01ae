// Whole JSON files cut into their records: the same in pieces of any size, with an error in the place of each record that is none.
import { describe, expect, it } from 'vitest';
import type { BadLine } from '../../../lib/data/errors';
import { entries, objects } from '../../../lib/data/json-pieces';
import type { Piece } from '../../../lib/data/lines';

/** The pieces of a file that comes in chunks of some bytes: texts, or what is wrong with them, each with its line. */
async function cut(how: typeof objects, text: string, size: number, maxBytes = 100) {
  const bytes = Buffer.from(text, 'latin1');
  const chunks = (async function* () {
    await Promise.resolve();
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  })();
  const found: (readonly [line: number, text: string])[] = [];
  for await (const pieces of how({ path: 'file', chunks, emptyLines: 0 }, maxBytes))
    for (const { text: piece, line } of pieces as Piece[]) {
      const { expected, found: met } = piece as BadLine;
      found.push([line, piece instanceof Error ? `expected ${expected}; found ${met}` : piece]);
    }
  return found;
}

const NOTHING = 'expected a value between two commas; found nothing';

describe.each([1, 2, 7, 1000])('in chunks of %d bytes', (size) => {
  it.each<[string, string, [number, string][]]>([
    ['an array', '[{"a":1},{"b":[2,{"c":3}]}]', [[1, '{"a":1}'], [1, '{"b":[2,{"c":3}]}']]], // prettier-ignore
    ['commas and brackets in strings', '\n [ {"a":"],\\"}"} ,\n2]\n', [[2, '{"a":"],\\"}"}'], [3, '2']]], // prettier-ignore
    ['no element', '[ \n ]', []],
    ['a comma before the end', '[1,\n]', [[1, '1'], [2, NOTHING]]], // prettier-ignore
    ['two commas', '[1,,2]', [[1, '1'], [1, NOTHING], [1, '2']]], // prettier-ignore
    ['a comma at the start', '[,1]', [[1, NOTHING], [1, '1']]], // prettier-ignore
    ['no end', '[1,2', [[1, '1'], [1, 'expected a ] at the end; found a file that ends before it']]], // prettier-ignore
    ['another end', '[1}', [[1, '1'], [1, 'expected a JSON array; found "}"']]], // prettier-ignore
    ['something behind it', '[1]\nand more', [[1, '1'], [2, 'expected a JSON array; found "a"']]], // prettier-ignore
    ['bytes that are no text', '["\xff",2]', [[1, 'expected UTF-8 text; found "[\\"ÿ\\""'.replace('[\\"', '\\"')], [1, '2']]], // prettier-ignore
  ])('%s', async (_, text, expected) => {
    expect(await cut(objects, text, size)).toEqual(expected);
  });

  it('entries of objects become objects, of several too', async () => {
    expect(await cut(entries, '{"a":1,\n"b":{"c":2}}{"d":3}', size)).toEqual([
      [1, '{"a":1}'],
      [2, '{"b":{"c":2}}'],
      [2, '{"d":3}'],
    ]);
  });

  it('an element may have as many bytes as are allowed, and no more', async () => {
    const found = await cut(objects, '["12345678","123456789",3]', size, 10);
    expect(found).toEqual([
      [1, '"12345678"'],
      [1, 'expected a list of at most 10 bytes; found a longer one'],
      [1, '3'],
    ]);
  });
});
