// The few pieces of HTML that the report is made of.

/** Text that may stand between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export interface TableCell {
  text: string;
  /** What the text does not say; shown by the browser on hover, read by screen readers. */
  title?: string;
  strong?: boolean;
  /** A mark after the text, in a column of its own, so that numbers stay aligned. */
  mark?: string;
  /** A class of the style sheet. */
  style?: string;
}

export interface TableColumn {
  name: string;
  /** A heading over this column and its neighbours of the same group. */
  group?: string;
}

type Cells = readonly (string | TableCell)[];

export interface HtmlTable {
  caption: string;
  /** The first names the rows. */
  columns: readonly (string | TableColumn)[];
  /** The cells of a row, or a heading over the rows that follow. */
  rows: readonly (Cells | { heading: string })[];
  /** Sentences below the table. */
  notes?: readonly string[];
}

/** A table with header cells both ways. Where it is wider than the page, it scrolls under its first column. */
export function htmlTable({ caption, columns, rows, notes = [] }: HtmlTable): string {
  const label = escapeHtml(caption);
  // A sign in one cell makes room for one in all, so that numbers stay below each other and below their names.
  const isMarked = rows.some(
    (row) =>
      !('heading' in row) && row.slice(1).some((cell) => typeof cell === 'object' && cell.mark !== undefined),
  );
  const body = rows.map((row) =>
    'heading' in row
      ? `<tr class="heading"><th scope="rowgroup" colspan="${columns.length}"><span>${escapeHtml(row.heading)}</span></th></tr>`
      : tableRow(row, isMarked),
  );
  return `<div class="table"><div class="scroll" role="region" aria-label="${label}" tabindex="0">
<table${isMarked ? ' class="marked"' : ''}><caption><span>${label}</span></caption>
<thead>
${tableHead(columns.map((column) => (typeof column === 'string' ? { name: column } : column)))}
</thead>
<tbody>
${body.join('\n')}
</tbody></table></div>
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}</div>`;
}

/** One row of column names, or two where columns have groups. */
function tableHead(columns: readonly TableColumn[]): string {
  const cell = ({ name }: TableColumn, rows = '') => `<th scope="col"${rows}>${escapeHtml(name)}</th>`;
  if (columns.every(({ group }) => group === undefined))
    return `<tr>${columns.map((column) => cell(column)).join('')}</tr>`;
  const above = columns.map((column, i) => {
    if (column.group === undefined) return cell(column, ' rowspan="2"');
    if (columns[i - 1]?.group === column.group) return '';
    const after = columns.slice(i).findIndex(({ group }) => group !== column.group);
    const span = after < 0 ? columns.length - i : after;
    return `<th scope="colgroup" colspan="${span}">${escapeHtml(column.group)}</th>`;
  });
  const below = columns.filter(({ group }) => group !== undefined).map((column) => cell(column));
  return `<tr>${above.join('')}</tr>\n<tr>${below.join('')}</tr>`;
}

function tableRow(cells: Cells, isMarked: boolean): string {
  const [first, ...rest] = cells.map((cell) => (typeof cell === 'string' ? { text: cell } : cell));
  const content = (cell: TableCell) => contentOf(isMarked ? { mark: '', ...cell } : cell);
  return `<tr><th scope="row">${contentOf(first)}</th>${rest.map((cell) => `<td${attributesOf(cell)}>${content(cell)}</td>`).join('')}</tr>`;
}

const attributesOf = ({ title, style }: TableCell): string =>
  [title !== undefined && ` title="${escapeHtml(title)}"`, style && ` class="${style}"`]
    .filter(Boolean)
    .join('');

function contentOf({ text, strong, mark }: TableCell): string {
  const words = escapeHtml(text) || '–';
  const sign = mark === undefined ? '' : `<span class="mark">${escapeHtml(mark)}</span>`;
  return `${strong ? `<strong>${words}</strong>` : words}${sign}`;
}

/** A paragraph, with its text escaped. */
export const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`;

/** A list, with its texts escaped. */
export const bullets = (items: readonly string[]): string =>
  `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('\n')}</ul>`;

/** Names and what they stand for. */
export const definitions = (entries: readonly (readonly [name: string, value: string])[]): string =>
  `<dl>${entries.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('\n')}</dl>`;

/** HTML that a click on its summary line opens. */
export const folded = (summary: string, html: string): string =>
  `<details><summary>${escapeHtml(summary)}</summary>\n${html}\n</details>`;
