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
}

export interface HtmlTable {
  caption: string;
  /** The first names the rows. */
  columns: readonly string[];
  rows: readonly (readonly (string | TableCell)[])[];
}

/**
 * A table with header cells both ways. The roles are written out because a narrow page shows rows as blocks, which would take the
 * table's own away; each cell carries its column's name for that form.
 */
export function htmlTable({ caption, columns, rows }: HtmlTable): string {
  const head = columns.map((name) => `<th role="columnheader" scope="col">${escapeHtml(name)}</th>`).join('');
  const body = rows
    .map((cells) => {
      const [first, ...rest] = cells.map((cell) => (typeof cell === 'string' ? { text: cell } : cell));
      const data = rest.map(({ text, title, strong }, i) => {
        const content = strong ? `<strong>${escapeHtml(text)}</strong>` : escapeHtml(text);
        const hint = title === undefined ? '' : ` title="${escapeHtml(title)}"`;
        return `<td role="cell" data-label="${escapeHtml(columns[i + 1])}"${hint}>${content || '–'}</td>`;
      });
      return `<tr role="row"><th role="rowheader" scope="row">${escapeHtml(first.text)}</th>${data.join('')}</tr>`;
    })
    .join('\n');
  return `<table role="table"><caption>${escapeHtml(caption)}</caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">
${body}
</tbody></table>`;
}

/** A paragraph, with its text escaped. */
export const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`;
