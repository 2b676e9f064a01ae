// The frame of every report: one HTML document without scripts, links or anything to fetch.
import { escapeHtml } from './html.js';
import { STYLE } from './style.js';

/** @param body HTML; the first thing it holds should be the h1 */
export function htmlDocument(title: string, body: string): string {
  const text = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main>
${body}
</main></body></html>
`;
  return text.replace(/\n\n+/g, '\n');
}
