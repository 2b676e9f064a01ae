// `convertTeacher`: lines of a run or a table into other forms, as `ckl-loss convert` does.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { distinct, PASSAGES, uniform, writeAll } from '../lib/scale-made.mjs';

const LINES = { small: 500_000, full: 5_000_000, huge: 5_000_000 };
const DEPTH = 100;
const PAIRS = [
  ['trec', 'tsv'],
  ['trec', 'pylate'],
  ['tsv', 'trec'],
  ['tsv', 'jsonl'],
];

export function cases(size) {
  const queries = LINES[size] / DEPTH;
  return PAIRS.map(([from, form]) => ({
    name: `convert, ${from} to ${form}`,
    unit: 'line',
    count: queries * DEPTH,
    make(dir) {
      const path = join(dir, `convert-${queries}x${DEPTH}.${from}`);
      function* lines() {
        for (let query = 0; query < queries; query++) {
          const random = uniform(query);
          let rank = 0;
          for (const doc of distinct(DEPTH, PASSAGES, random)) {
            const score = (20 - 0.1 * ++rank + 0.05 * random()).toFixed(5);
            yield from === 'trec'
              ? `${13 * query} Q0 ${doc} ${rank} ${score} made\n`
              : `${13 * query}\t${doc}\t${score}\n`;
          }
        }
      }
      return { from: existsSync(path) ? path : writeAll(path, lines()), to: join(dir, `converted.${form}`) };
    },
    async work(load, { from: path, to }) {
      const { convertTeacher } = load('data/index.js');
      const { documents } = await convertTeacher({ path, form: from }, { path: to, form });
      if (documents !== queries * DEPTH) throw new Error('not all lines were converted');
    },
  }));
}
