// The result tables of the report: means with marks, what dev chose, and the tests behind the marks.
import { markOf } from '../cli/compare-text.js';
import type { SavedComparison } from '../cli/compare.js';
import type { Cell, Table, Tested } from '../refine/compare-tables.js';
import { htmlTable, type TableCell } from './html.js';
import { columnTitle, conditionText, recipeTitle } from './words.js';

/** One table of the paper's form: a row a loss, a column a measure. */
export function resultTable(table: Table, saved: SavedComparison): string {
  const best = new Map(
    table.columns.map((column) => [
      column,
      Math.max(...trained(table).map(({ cells }) => cells[column]?.mean ?? -Infinity)),
    ]),
  );
  const isTrained = new Set(trained(table));
  return htmlTable({
    caption: `${table.title}, ${conditionText(table.condition, saved.options)}`,
    columns: ['', ...table.columns.map(columnTitle)],
    rows: table.rows.map((row) => [
      recipeTitle(row.name),
      ...table.columns.map((column): TableCell => {
        const cell = row.cells[column];
        if (!cell) return { text: '' };
        const strong = isTrained.has(row) && cell.mean === best.get(column);
        return { text: `${cell.mean.toFixed(3)}${markOf(cell.versusCkl)}`, title: hintOf(cell), strong };
      }),
    ]),
  });
}

const trained = ({ rows }: Table) => rows.filter(({ rates }) => rates.length > 0);

function hintOf({ mean, bySeed, versusCkl }: Cell): string {
  const seeds = bySeed.length > 1 ? `; by seed ${bySeed.map((value) => value.toFixed(4)).join(', ')}` : '';
  return `${mean.toFixed(4)}${seeds}${versusCkl ? `; against CKL ${testText(versusCkl)}` : ''}`;
}

/** "+0.0123, p = 0.012 after correction". */
export function testText({ difference, pHolm }: Tested): string {
  return `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(4)}, ${pText(pHolm)} after correction`;
}

export const pText = (p: number): string => (p < 0.0001 ? 'p < 0.0001' : `p = ${p.toPrecision(2)}`);
