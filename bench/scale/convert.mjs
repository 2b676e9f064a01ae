// `convertTeacher`: lines of runs, tables and pairs into other forms, as `ckl-loss convert` does.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { distinct, PASSAGES, uniform, writeAll } from '../lib/scale-made.mjs';

const LINES = { small: 500_000, full: 5_000_000, huge: 5_000_000 };
const DEPTH = 100;

const score = (rank, random) => 20 - 0.1 * rank + 0.05 * random();
/** A line of a query, whose id is written; `rank` counts from 1. */
const LINE = {
  trec: (query, doc, rank, random) => `${query} Q0 ${doc} ${rank} ${score(rank, random).toFixed(5)} made\n`,
  tsv: (query, doc, rank, random) => `${query}\t${doc}\t${score(rank, random).toFixed(5)}\n`,
  hofstaetter: (query, doc, rank, random) =>
    `21.5\t${score(rank, random).toFixed(5)}\t${query}\t${PASSAGES + query}\t${doc}\n`,
  gpl: (query, doc, rank, random) =>
    `${query}\t${PASSAGES + query}\t${doc}\t${(21.5 - score(rank, random)).toFixed(5)}\n`,
};

/** Each with whether the lines of a query stand apart. */
const PAIRS = [
  ['trec', 'tsv'],
  ['trec', 'pylate'],
  ['tsv', 'trec'],
  ['tsv', 'jsonl'],
  ['hofstaetter', 'tsv'],
  ['gpl', 'trec'],
  ['hofstaetter', 'tsv', true],
  ['gpl', 'trec', true],
];

function* together(queries, line) {
  for (let query = 0; query < queries; query++) {
    const random = uniform(query);
    let rank = 0;
    for (const doc of distinct(DEPTH, PASSAGES, random)) yield line(13 * query, doc, ++rank, random);
  }
}

function* apart(queries, line) {
  const random = uniform(7);
  // The documents of a query are distinct: those of a rank lie in a range of their own.
  const range = Math.floor(PASSAGES / DEPTH);
  for (let rank = 1; rank <= DEPTH; rank++)
    for (let query = 0; query < queries; query++)
      yield line(13 * query, range * (rank - 1) + Math.floor(range * random()), rank, random);
}

export function cases(size) {
  const queries = LINES[size] / DEPTH;
  return PAIRS.map(([from, form, isApart = false]) => ({
    name: `convert, ${from} to ${form}${isApart ? ', lines apart' : ''}`,
    unit: 'line',
    count: queries * DEPTH,
    make(dir) {
      const path = join(dir, `convert-${queries}x${DEPTH}${isApart ? '-apart' : ''}.${from}`);
      const lines = (isApart ? apart : together)(queries, LINE[from]);
      return { from: existsSync(path) ? path : writeAll(path, lines), to: join(dir, `converted.${form}`) };
    },
    async work(load, { from: path, to }) {
      const { convertTeacher } = load('data/index.js');
      const { documents } = await convertTeacher({ path, form: from }, { path: to, form });
      // Pairs have a positive beside.
      const all = queries * (DEPTH + (from in { hofstaetter: 1, gpl: 1 } ? 1 : 0));
      if (documents !== all) throw new Error('not all lines were converted');
    },
  }));
}
