// The report in a real browser: nothing to scroll sideways on a phone, dark where the reader asks for it, charts that are drawn.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPlotting, renderReport } from '../../../../lib/lab/report/index';
import { scratch } from '../../data/files';
import { comparison } from './small';

const files = scratch();
const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

interface Seen {
  /** Width of what the page holds, and of the page. */
  scroll: number;
  client: number;
  background: string;
  text: string;
  /** Charts whose drawing has a size, and their widest. */
  charts: number;
  widest: number;
  /** Font size of a chart's letters as they stand on the page, in pixels. */
  letters: number;
  /** What was asked for over the network. */
  fetched: number;
}

/** Shows the page in a frame of some width, as a phone would, and asks the browser what came of it. */
function look(html: string, width: number, mode: 'light' | 'dark'): Seen {
  const quoted = html.replace(/&/g, '&amp;').replace(/"/g, '&quot;');
  const host = join(files.dir, `${mode}${width}.html`);
  const ask = `
    const page = frame.contentDocument, root = page.documentElement, style = frame.contentWindow.getComputedStyle(page.body);
    const charts = [...page.querySelectorAll('figure svg')].map((svg) => svg.getBoundingClientRect());
    const tick = page.querySelector('figure svg text').getBoundingClientRect();
    document.body.dataset.seen = JSON.stringify({
      scroll: root.scrollWidth, client: root.clientWidth, background: style.backgroundColor, text: style.color,
      charts: charts.filter((box) => box.width > 100 && box.height > 50).length,
      widest: Math.max(...charts.map((box) => box.right)),
      letters: tick.height, fetched: frame.contentWindow.performance.getEntriesByType('resource').length });`;
  writeFileSync(
    host,
    `<!doctype html><meta charset="utf-8"><style>:root{color-scheme:light dark}</style><iframe id="frame" width="${width}" height="800" srcdoc="${quoted}" onload="${ask.replace(/"/g, '&quot;')}"></iframe>`,
  );
  const { stdout } = spawnSync(
    chromium!,
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--dump-dom'],
      `--blink-settings=preferredColorScheme=${mode === 'dark' ? 0 : 1}`,
      ...['--window-size=1200,900', `--user-data-dir=${join(files.dir, 'profile')}`, `file://${host}`],
    ],
    { encoding: 'utf8', timeout: 100_000, maxBuffer: 2 ** 26 },
  );
  const seen = /<body data-seen="([^"]*)"/.exec(stdout)?.[1];
  if (!seen) throw new Error(`the browser said nothing of the page: ${stdout.slice(0, 200)}`);
  return JSON.parse(seen.replace(/&quot;/g, '"')) as Seen;
}

describe.skipIf(!chromium)('the report in Chromium (needs the package chromium)', () => {
  let html: string;
  beforeAll(async () => {
    html = renderReport(await comparison(), await loadPlotting());
  });

  it.each([
    [360, 'light'],
    [360, 'dark'],
    [1000, 'light'],
    [1000, 'dark'],
  ] as const)('%i pixels wide, %s: fits, is drawn, and fetches nothing', (width, mode) => {
    const seen = look(html, width, mode);
    expect(seen.client).toBe(width);
    expect(seen.scroll).toBeLessThanOrEqual(width);
    expect(seen.widest).toBeLessThanOrEqual(width);
    expect(seen.charts).toBe(18);
    expect(seen.letters).toBeGreaterThan(10);
    expect(seen.fetched).toBe(0);
    const [background, text] =
      mode === 'dark' ? ['rgb(20, 23, 26)', 'rgb(230, 232, 234)'] : ['rgb(255, 255, 255)', 'rgb(27, 31, 35)'];
    expect(seen).toMatchObject({ background, text });
  });
});
