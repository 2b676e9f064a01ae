// Plain text tables: numbers to the right, words to the left, a rule under the head.
import { largest } from '../../extremes.js';

/** Lines of a table; the first row is its head. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => largest(rows.map((row) => row[column].length)));
  const numeric = rows[0].map((_, column) =>
    rows.slice(1).every((row) => /^[-+<]?[\d.]*$/.test(row[column])),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].map((text) => `${text}\n`).join('');
}

/** A measure to four digits, as trec_eval prints it. */
export const measureText = (value: number): string => value.toFixed(4);

/** A difference of measures, with its sign. */
export const differenceText = (value: number): string =>
  `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(4)}`;

/** A p value to two significant digits. */
export function pText(p: number): string {
  if (p < 0.0001) return '<.0001';
  return p.toFixed(p < 0.001 ? 5 : p < 0.01 ? 4 : 3);
}
