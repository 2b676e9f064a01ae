// The heat map of the summary: every student and loss, coloured by its difference from CKL, with a sign where that is significant.
import { markOf, type SavedComparison } from '../compare/saved.js';
import type { Table } from '../compare/tables.js';
import { largest } from '../../extremes.js';
import { escapeHtml, htmlTable, type TableCell } from './html.js';
import { differenceText, measureText, pText } from './numbers.js';
import { HEAT_STEPS } from './style.js';
import { columnTitle, conditionText, recipeTitle, shortTitle } from './words.js';

/** The measure of the summary: of the whole corpus, where all students search it. */
export function summaryColumn({ tables }: Pick<SavedComparison, 'tables'>): string {
  const asked = ['full ndcg@10', 'rerank ndcg@10'];
  return (
    asked.find((column) => tables.every(({ columns }) => columns.includes(column))) ?? tables[0].columns[0]
  );
}

export function heatMap(saved: SavedComparison): string {
  const { tables, options } = saved;
  const column = summaryColumn(saved);
  const names = tables[0].rows.flatMap(({ name, rates }) =>
    rates.length > 0 && name !== 'ckl' ? [name] : [],
  );
  const most = largest(
    tables.flatMap(({ rows }) =>
      rows.map(({ cells }) => Math.abs(cells[column]?.versusCkl?.difference ?? 0)),
    ),
    0,
  );
  const conditions = [...new Set(tables.map(({ condition }) => condition))];
  const rowOf = ({ title, rows }: Table): (string | TableCell)[] => {
    const cellOf = (name: string) => rows.find((row) => row.name === name)?.cells[column];
    const ckl = cellOf('ckl');
    return [
      shortTitle(title),
      ckl ? { text: measureText(ckl.mean) } : '',
      ...names.map((name): TableCell => {
        const tested = cellOf(name)?.versusCkl;
        if (!tested) return { text: '' };
        return {
          text: differenceText(tested.difference),
          mark: markOf(tested),
          title: `${measureText(cellOf(name)!.mean)}; ${pText(tested.pHolm)} after Holm’s correction`,
          style: heat(tested.difference, most),
        };
      }),
    ];
  };
  const table = htmlTable({
    caption: `Difference from CKL in ${columnTitle(column)}. † significantly below CKL, ‡ significantly above it (p < 0.05 after Holm’s correction over the table of the student).`,
    columns: [
      'Student',
      'CKL',
      ...names.map((name) => ({ name: recipeTitle(name), group: 'difference from CKL' })),
    ],
    rows: conditions.flatMap((condition) => [
      ...(conditions.length > 1 ? [{ heading: capitalised(conditionText(condition, options)) }] : []),
      ...tables.filter((one) => one.condition === condition).map(rowOf),
    ]),
  });
  return `<div class="heat">${table}${scale(most)}</div>`;
}

/** The class of a cell: which side of CKL, and how far in steps of the largest difference. */
function heat(difference: number, most: number): string {
  const step = most === 0 ? 0 : Math.round((HEAT_STEPS * Math.abs(difference)) / most);
  if (step === 0) return 'heat-0';
  return `heat-${difference < 0 ? 'below' : 'above'}-${step}`;
}

function scale(most: number): string {
  const steps = Array.from({ length: 2 * HEAT_STEPS + 1 }, (_, i) => ((i - HEAT_STEPS) / HEAT_STEPS) * most);
  const swatches = steps.map((difference) => `<i class="${heat(difference, most)}"></i>`);
  return `<p class="scale"><span>${escapeHtml(`below CKL ${differenceText(-most)}`)}</span>${swatches.join('')}<span>${escapeHtml(`${differenceText(most)} above CKL`)}</span></p>`;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
