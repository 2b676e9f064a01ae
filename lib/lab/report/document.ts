// The frame of every report: one HTML document without scripts, links elsewhere or anything to fetch.
import { escapeHtml } from './html.js';
import { STYLE } from './style.js';

/** A part of a page that the contents list. */
export interface Section {
  /** Of the anchor. */
  id: string;
  title: string;
  /** How the contents call it. Default: the title. */
  short?: string;
  /** HTML. */
  body: string;
}

export interface Page {
  title: string;
  /** HTML below the title. */
  lead: string;
  sections: readonly Section[];
}

/** The document, with contents that lead to its sections. */
export function htmlDocument({ title, lead, sections }: Page): string {
  const links = sections.map(
    ({ id, title, short = title }) => `<li><a href="#${id}">${escapeHtml(short)}</a></li>`,
  );
  const parts = sections.map(
    ({ id, title, body }) => `<section id="${id}"><h2>${escapeHtml(title)}</h2>\n${body}\n</section>`,
  );
  const text = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body>
<header><h1>${escapeHtml(title)}</h1>
${lead}
</header>
<nav aria-label="Contents"><ol>${links.join('\n')}</ol></nav>
<main>
${parts.join('\n')}
</main></body></html>
`;
  return text.replace(/\n\n+/g, '\n');
}
