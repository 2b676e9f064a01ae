// Rows that equal the warm-up or the start, and why: dev found no epoch of their training better, so the parameters before it were kept.
import type { Row, Table } from '../compare/tables.js';
import { counted, joined, recipeTitle } from './words.js';

/** The sign of such a row. */
export const KEPT = '°';

/** Sums of the same numbers in another order differ by less. */
const SAME = 1e-12;

/** In how many of its seeds a row has the values of another in every column. */
function seedsAlike({ cells, rates }: Row, before: Row): number {
  const columns = Object.keys(cells);
  if (rates.length === 0 || columns.length === 0) return 0;
  const seeds = cells[columns[0]].bySeed.map((_, seed) => seed);
  const isAlike = (seed: number) =>
    columns.every((column) => Math.abs(cells[column].bySeed[seed] - before.cells[column]?.mean) <= SAME);
  return seeds.filter(isAlike).length;
}

export interface Kept {
  /** Names of the rows that have the sign. */
  names: ReadonlySet<string>;
  /** What the signs mean, a sentence for each row before them. */
  notes: string[];
}

/** The rows of a table that a training did not change. */
export function keptRows({ rows }: Pick<Table, 'rows'>): Kept {
  const start = rows.find(({ name }) => name === 'start');
  const warmup = rows.find(({ name }) => name === 'warm-up');
  const before = warmup ?? start;
  const names = new Set<string>();
  const notes: string[] = [];
  if (!before) return { names, notes };
  if (warmup && start && isEqual(warmup, start)) {
    names.add('warm-up');
    notes.push(
      `${KEPT} Warm-up equals the start: on dev, no epoch of the warm-up was better than the untrained student, which was kept.`,
    );
  }
  const kept = rows.flatMap((row) => {
    const seeds = seedsAlike(row, before);
    const all = Object.values(row.cells)[0]?.bySeed.length ?? 0;
    return seeds > 0 ? [{ row, seeds, all }] : [];
  });
  for (const { row } of kept) names.add(row.name);
  const what = warmup ? 'warm-up' : 'start';
  if (kept.length > 0) {
    const each = kept.map(({ row, seeds, all }) =>
      all === 1 ? recipeTitle(row.name) : `${recipeTitle(row.name)} (${seeds} of ${counted(all, 'seed')})`,
    );
    notes.push(
      `${KEPT} ${joined(each)}: on dev, no epoch of the training was better than the ${what}, whose parameters were kept.`,
    );
  }
  return { names, notes };
}

const isEqual = (a: Row, b: Row): boolean =>
  Object.entries(a.cells).every(([column, { mean }]) => Math.abs(mean - b.cells[column]?.mean) <= SAME);
