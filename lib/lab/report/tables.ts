// The tables of the report: means with marks, the paper's Table 2, and what dev chose.
import { markOf, type SavedComparison } from '../compare/saved.js';
import type { Cell, Row, Table } from '../compare/tables.js';
import { largest } from '../../extremes.js';
import { htmlTable, type TableCell, type TableColumn } from './html.js';
import { KEPT, keptRows } from './kept.js';
import { differenceText, measureText, pText, rateText } from './numbers.js';
import { columnParts, columnTitle, conditionText, recipeTitle } from './words.js';

const trained = ({ rows }: Pick<Table, 'rows'>) => rows.filter(({ rates }) => rates.length > 0);

/**
 * A row a loss, a column a measure; the best trained value of a column stands out.
 *
 * @param names only these rows; default all
 */
export function resultTable(table: Table, saved: SavedComparison, names?: readonly string[]): string {
  const rows = names ? table.rows.filter(({ name }) => names.includes(name)) : table.rows;
  const zeroShot = table.columns.filter((column) => column.startsWith('zero-shot'));
  const columns: (TableColumn & { cellOf(row: Row): Cell | undefined })[] = [
    ...table.columns.map((column) => ({
      ...columnParts(column),
      cellOf: (row: Row) => row.cells[column],
    })),
    ...(zeroShot.length > 1
      ? [{ group: 'zero-shot', name: 'mean nDCG@10', cellOf: (row: Row) => meanCell(row, zeroShot) }]
      : []),
  ];
  const kept = keptRows({ rows });
  return htmlTable({
    caption: `${table.title}; ${conditionText(table.condition, saved.options)}.`,
    columns: ['Loss', ...columns],
    rows: rows.map((row) => [
      { text: recipeTitle(row.name), mark: kept.names.has(row.name) ? KEPT : undefined },
      ...columns.map(({ cellOf }): TableCell => {
        const cell = cellOf(row);
        if (!cell) return { text: '', mark: '' };
        // As printed: values that look alike are marked alike.
        const best = largest(trained({ rows }).map((other) => cellOf(other)?.mean ?? -Infinity));
        const strong = row.rates.length > 0 && measureText(cell.mean) === measureText(best);
        return { text: measureText(cell.mean), mark: markOf(cell.versusCkl), title: hintOf(cell), strong };
      }),
    ]),
    notes: kept.notes,
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
        rates.map(rateText).join(', '),
        `${measureText(-largest(bySeed.map((value) => -value)))} to ${measureText(largest(bySeed))}`,
      ];
    }),
  });
}
