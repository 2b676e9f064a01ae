// The tables of the report: means with marks, the paper's Table 2, and what dev chose.

import { markOf, type SavedComparison } from '../compare/saved.js';
import type { Cell, Row, Table } from '../compare/tables.js';
import { largest } from '../training/extremes.js';
import { htmlTable, type TableCell } from './html.js';
import { differenceText, pText } from './statements.js';
import { columnTitle, conditionText, recipeTitle } from './words.js';

const trained = ({ rows }: Pick<Table, 'rows'>) => rows.filter(({ rates }) => rates.length > 0);

/**
 * A row a loss, a column a measure; the best trained value of a column stands out.
 *
 * @param names only these rows; default all
 */
export function resultTable(table: Table, saved: SavedComparison, names?: readonly string[]): string {
  const rows = names ? table.rows.filter(({ name }) => names.includes(name)) : table.rows;
  const zeroShot = table.columns.filter((column) => column.startsWith('zero-shot'));
  const columns = [
    ...table.columns.map((column) => ({
      title: columnTitle(column),
      cellOf: (row: Row) => row.cells[column],
    })),
    ...(zeroShot.length > 1
      ? [{ title: 'zero-shot mean', cellOf: (row: Row) => meanCell(row, zeroShot) }]
      : []),
  ];
  return htmlTable({
    caption: `${table.title}; ${conditionText(table.condition, saved.options)}.`,
    columns: ['Loss', ...columns.map(({ title }) => title)],
    rows: rows.map((row) => [
      recipeTitle(row.name),
      ...columns.map(({ cellOf }): TableCell => {
        const cell = cellOf(row);
        if (!cell) return { text: '' };
        const best = largest(trained({ rows }).map((other) => cellOf(other)?.mean ?? -Infinity));
        const strong = row.rates.length > 0 && cell.mean === best;
        return { text: `${cell.mean.toFixed(3)}${markOf(cell.versusCkl)}`, title: hintOf(cell), strong };
      }),
    ]),
  });
}

/** The mean over corpora, as the paper's BEIR column; it has no test of its own. */
function meanCell({ cells }: Row, columns: readonly string[]): Cell | undefined {
  const found = columns.map((column) => cells[column]).filter((cell) => cell !== undefined);
  if (found.length < columns.length) return undefined;
  return { mean: found.reduce((sum, { mean }) => sum + mean, 0) / found.length, bySeed: [] };
}

function hintOf({ mean, bySeed, versusCkl }: Cell): string {
  const parts = [mean.toFixed(4)];
  if (bySeed.length > 1) parts.push(`by seed ${bySeed.map((value) => value.toFixed(4)).join(', ')}`);
  if (versusCkl) parts.push(`against CKL ${differenceText(versusCkl.difference)}, ${pText(versusCkl.pHolm)}`);
  return parts.join('; ');
}

/** The learning rate that dev chose for each loss, and how far seeds lie apart. */
export function searchTable(
  { title, condition, rows, columns }: Table,
  { options }: SavedComparison,
): string {
  const [column] = columns;
  return htmlTable({
    caption: `${title}; ${conditionText(condition, options)}.`,
    columns: ['Loss', 'learning rate', `${columnTitle(column)}, least and most over seeds`],
    rows: trained({ rows }).map(({ name, rates, cells }) => {
      const { bySeed } = cells[column];
      return [
        recipeTitle(name),
        rates.map((rate) => String(Number(rate.toPrecision(3)))).join(', '),
        `${(-largest(bySeed.map((value) => -value))).toFixed(3)} to ${largest(bySeed).toFixed(3)}`,
      ];
    }),
  });
}
