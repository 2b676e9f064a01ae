// Pairs whose queries stand apart: the same lists as of a sorted file, whatever the lengths of ids.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GatheredPairs } from '../../../lib/data/bytes/gathered-pairs';
import { convertTeacher } from '../../../lib/data/index';
import { randomNumbers } from '../loss/helpers';
import { scratch } from './files';

const FORMS = {
  hofstaetter: (query: string, positive: string, negative: string, score: number) =>
    `21.5\t${score}\t${query}\t${positive}\t${negative}\n`,
  gpl: (query: string, positive: string, negative: string, score: number) =>
    `${query}\t${positive}\t${negative}\t${21.5 - score}\n`,
};

/** Lines of some queries, in the order of queries: each query's positives take turns or follow each other. */
function lines(form: keyof typeof FORMS, idOf: (number: number) => string): string[][] {
  const next = randomNumbers(11);
  return Array.from({ length: 40 }, (_, q) => {
    const length = 1 + Math.floor(next() * 60);
    // Margins compare the negatives of one positive.
    const positives = form === 'gpl' ? 1 : 1 + (q % 3);
    return Array.from({ length }, (_, i) =>
      FORMS[form](
        `q${q}`,
        idOf(1e6 + (q % 2 ? i % positives : Math.floor((i * positives) / length))),
        idOf(100 * q + i),
        Math.floor(next() * 64) / 8,
      ),
    );
  });
}

/** One line of each query at a time. */
const apart = (queries: readonly string[][]): string =>
  Array.from({ length: 60 }, (_, i) => queries.map((lines) => lines[i] ?? '').join('')).join('');

const { dir: folder } = scratch();

describe('pairs whose queries stand apart', () => {
  it.each([
    ['hofstaetter', 'numbers', String],
    ['hofstaetter', 'long ids', (n: number) => `${n}`.padStart(n % 7 === 0 ? 70_000 : n % 90, 'd')],
    [
      'hofstaetter',
      'ids around what 16 bits hold',
      (n: number) => `${n}`.padStart(n % 50 < 3 ? 65_534 + (n % 50) : n % 90, 'd'),
    ],
    ['gpl', 'numbers', String],
    ['gpl', 'ids of other scripts', (n: number) => `${'é'.repeat(n % 5)}文${n}`],
  ] as const)('%s: are the lists of a sorted file, with %s', async (form, name, idOf) => {
    const queries = lines(form, idOf);
    const [sorted, mixed] = ['sorted', 'mixed'].map((order) => join(folder, `${name}.${order}.${form}`));
    writeFileSync(sorted, queries.flat().join(''));
    writeFileSync(mixed, apart(queries));
    const [a, b] = [`${sorted}.jsonl`, `${mixed}.jsonl`];
    const options = { ids: 'text' } as const;
    const one = await convertTeacher({ path: sorted, form }, { path: a, form: 'jsonl' }, options);
    const other = await convertTeacher({ path: mixed, form }, { path: b, form: 'jsonl' }, options);
    expect(one.lists).toBe(40);
    expect(other).toEqual(one);
    expect(readFileSync(b).equals(readFileSync(a))).toBe(true);
  });

  it('name the line of a pair that others contradict, and leave it out with skipBad', async () => {
    const path = join(folder, 'contradiction.tsv');
    writeFileSync(path, '9\t1\tq\tp\tn\n9\t1\tr\tp\tn\n\n9\t2\tq\tp\tn\n9\t3\tr\tp\tm\n');
    const to = { path: join(folder, 'contradiction.trec'), form: 'trec' } as const;
    const from = { path, form: 'hofstaetter' } as const;
    await expect(convertTeacher(from, to)).rejects.toMatchObject({ line: 4 });
    const { lists, documents, skipped, errors } = await convertTeacher(from, to, { skipBad: true });
    expect({ lists, documents, skipped }).toEqual({ lists: 2, documents: 5, skipped: 1 });
    expect(errors.map(({ line }) => line)).toEqual([4]);
  });
});

describe('gathered pairs', () => {
  it('come back by query in their order, with ids longer than a slab and positives from slabs before', () => {
    const pairs = new GatheredPairs(2);
    const given: unknown[][] = [[], [], []];
    const next = randomNumbers(3);
    for (let line = 1; line <= 3000; line++) {
      const query = line % 3;
      const positive = Math.floor(line / 500);
      // 100 ids of 200 kB fill a slab; one is longer than a slab is.
      const padding = line === 1500 ? 17 * 2 ** 20 : line % 10 === 0 ? 200_000 : line % 30;
      const bytes = Buffer.from(`${positive}|${'x'.repeat(padding)}${line}`);
      const middle = bytes.indexOf('|');
      const numbers = [next(), -line];
      const negative = { negativeBytes: bytes, negativeStart: middle + 1, negativeEnd: bytes.length };
      pairs.add(query, { line, bytes, start: 0, end: middle, ...negative, numbers });
      given[query].push([line, String(positive), padding, `${line}`, ...numbers]);
    }
    const back = given.map((_, query) => {
      const lines: unknown[] = [];
      pairs.each(query, (one) => {
        const negative = Buffer.from(one.negativeBytes.subarray(one.negativeStart, one.negativeEnd));
        const first = negative.findIndex((byte) => byte !== 0x78);
        const positive = Buffer.from(one.bytes.subarray(one.start, one.end)).toString();
        lines.push([
          one.line,
          positive,
          first,
          negative.toString('latin1', first),
          ...Array.from(one.numbers),
        ]);
      });
      return lines;
    });
    expect(back).toEqual(given);
    pairs.each(3, () => expect.fail('a query without lines'));
  });
});
