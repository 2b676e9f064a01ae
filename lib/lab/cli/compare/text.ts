// What `ckl-loss compare` prints: the tables as text, with their marks.
import { LEVEL, type Table } from '../../compare/tables.js';
import { markOf, type SavedComparison } from '../../compare/saved.js';
import type { Condition } from '../../compare/options.js';
import { columnTitle } from '../../report/words.js';
import { formatTable, measureText } from '../table.js';

export const CONDITIONS: Record<Condition, string> = {
  clean: 'as the data are',
  wrongTeacher: 'wrong teacher',
  wrongLabels: 'wrong labels',
};

export function compareText({ tables, options, made }: SavedComparison): string {
  const share = { clean: 1, wrongTeacher: options.wrongTeacher, wrongLabels: options.wrongLabels };
  return [
    ...tables.map((table) => {
      const what = CONDITIONS[table.condition];
      const spoilt =
        table.condition === 'clean'
          ? what
          : `${what} in ${100 * share[table.condition]} % of the training lists`;
      return `\n${table.title}, ${spoilt}\n\n${formatTable(rowsOf(table))}`;
    }),
    '',
    `† below CKL, ‡ above CKL: paired t-test over queries, p < ${LEVEL} after Holm's correction over the table.`,
    `Means over ${options.seeds} ${options.seeds === 1 ? 'seed' : 'seeds'}. ${made.seconds} s, ${made.peakMiB} MiB${made.unitsBefore ? `, without ${made.unitsBefore} parts that were done before` : ''}.`,
    '',
  ].join('\n');
}

function rowsOf({ columns, rows }: Table): string[][] {
  return [
    ['', ...columns.map(columnTitle)],
    ...rows.map(({ name, cells }) => [
      name,
      ...columns.map((column) => {
        const cell = cells[column];
        return cell ? `${measureText(cell.mean)}${markOf(cell.versusCkl)}` : '';
      }),
    ]),
  ];
}
