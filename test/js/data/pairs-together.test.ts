// The first look at a file of pairs: whether the lines of each query stand together, as the parser of texts has them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { standTogether } from '../../../lib/data/bytes/pairs-together';
import { BadLine } from '../../../lib/data/errors';
import { MARGINS } from '../../../lib/data/forms/margins';
import { PAIRS } from '../../../lib/data/forms/pairs';
import { randomNumbers } from '../loss/helpers';
import { scratch } from './files';

const { dir: folder } = scratch();

/** The queries of lines that are pairs, each time another one begins. */
function queries(lines: readonly string[], form: typeof PAIRS): string[] {
  const ids: string[] = [];
  for (const line of lines) {
    try {
      const { qid } = form.parse(line);
      if (ids.at(-1) !== qid) ids.push(qid);
    } catch (error) {
      expect(error).toBeInstanceOf(BadLine);
    }
  }
  return ids;
}

describe('lines of pairs stand together', () => {
  it.each([
    ['hofstaetter', PAIRS, 5],
    ['gpl', MARGINS, 4],
  ] as const)('%s: where no query comes back, whatever separates its columns', async (name, form, width) => {
    const next = randomNumbers(5);
    const one = <T>(...of: T[]): T => of[Math.floor(next() * of.length)];
    const column = (): string => one('1', '2', '12', '1 2', ' 1', '1 ', '', '', '', 'é');
    const file = join(folder, `together.${name}`);
    const found = { true: 0, false: 0 };
    for (let i = 0; i < 1000; i++) {
      const lines = Array.from({ length: 3 + Math.floor(next() * 3) }, () => {
        const columns = Array.from({ length: width + one(0, 0, 0, 0, 1, -1) }, () =>
          next() < 0.7 ? one('1', '2') : column(),
        );
        const separator = one('\t', '\t', '\t', ' ');
        return columns.reduce((line, text) => line + (next() < 0.9 ? separator : one(' ', '\t')) + text);
      });
      writeFileSync(file, lines.join(one('\n', '\r\n')) + one('', '\n'));
      const ids = queries(lines, form);
      const together = new Set(ids).size === ids.length;
      expect(await standTogether(file, form, 1000), JSON.stringify(lines)).toBe(together);
      found[`${together}`]++;
    }
    expect(Math.min(found.true, found.false)).toBeGreaterThan(20);
  });

  it('where a line has a query of its own by blanks, though it goes on with the query before by tabs', async () => {
    const file = join(folder, 'blanks.hofstaetter');
    writeFileSync(file, '1\t1\t2\tp\tn\n1\t1\t3\tp\tn\n\t1\t3\t2\tp\tn\n');
    expect(await standTogether(file, PAIRS, 1000)).toBe(false);
  });
});
