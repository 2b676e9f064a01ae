// Shows a page in headless Chromium, in a frame of some width, and asks the browser what came of it.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Seen {
  /** Of the frame's page. */
  width: number;
  background: string;
  /** Width of the text. */
  main: number;
  /** Elements that reach beyond the page, but for what scrolls by itself. */
  overflowing: string[];
  /** Pieces of text that were looked at, and those with a contrast below 4.5 by WCAG 2. */
  texts: number;
  faint: { text: string; contrast: number }[];
  /** What was asked for over the network. */
  fetched: number;
  /** Anchors of links without an element. */
  deadLinks: string[];
  /** How far each table can be scrolled, and how far its first column then stands from the left edge. */
  tables: { display: string; moved: number; firstColumn: number }[];
  charts: {
    top: number;
    width: number;
    /** The share of its place that the drawing takes. */
    filled: number;
    /** Height of its smallest letters in pixels. */
    letters: number;
    /** How many names stand at lines' ends. */
    names: number;
    /** Pairs of names at lines' ends that lie over each other. */
    overlapping: string[];
  }[];
}

const inAttribute = (text: string): string => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;');

/**
 * @param dir a folder for what the browser needs
 * @param html the whole page
 */
export function look(
  chromium: string,
  dir: string,
  html: string,
  width: number,
  mode: 'light' | 'dark',
): Seen {
  const host = join(dir, `${mode}${width}.html`);
  const profile = join(dir, 'profile');
  const inPage = readFileSync(join(__dirname, 'in-page.mjs'), 'utf8').replace('export function', 'function');
  const script = `${inPage}; document.body.dataset.seen = JSON.stringify(seenIn(frame.contentDocument, frame.contentWindow));`;
  writeFileSync(
    host,
    `<!doctype html><meta charset="utf-8"><style>:root{color-scheme:light dark}iframe{border:0}</style>
<iframe id="frame" width="${width}" height="900" srcdoc="${inAttribute(html)}" onload="${inAttribute(script)}"></iframe>`,
  );
  const { stdout, stderr } = spawnSync(
    chromium,
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ...['--hide-scrollbars', '--dump-dom', '--window-size=1400,1000', `--user-data-dir=${profile}`],
      `--blink-settings=preferredColorScheme=${mode === 'dark' ? 0 : 1}`,
      `file://${host}`,
    ],
    { encoding: 'utf8', timeout: 100_000, maxBuffer: 2 ** 27 },
  );
  rmSync(profile, { recursive: true, force: true });
  const seen = /<body data-seen="([^"]*)"/.exec(stdout)?.[1];
  if (seen === undefined)
    throw new Error(`the browser said nothing of the page: ${stdout.slice(0, 300)}${stderr}`);
  return JSON.parse(
    seen
      .replace(/&quot;/g, '"')
      .replace(/&lt;/g, '<')
      .replace(/&gt;/g, '>')
      .replace(/&amp;/g, '&'),
  ) as Seen;
}
