// The pages in a real browser, on a phone and on a desk, light and dark: nothing to scroll sideways but tables, every text readable, charts
// that fill their places, nothing fetched.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { refinementPage } from '../../../../lib/lab/cli/refine/page';
import { readSaved } from '../../../../lib/lab/compare/saved';
import { refine } from '../../../../lib/lab/refine/job';
import { loadPlotting, renderReport } from '../../../../lib/lab/report/index';
import { scratch } from '../../data/files';
import { look, type Seen } from './look';
import { MADE, OPTIONS } from './small';

const root = join(__dirname, '../../../..');
const files = scratch();
const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
if (!chromium)
  process.stderr.write(
    'the tests in a browser are skipped: no Chromium was found (install the package chromium)\n',
  );
const BACKGROUND = { light: 'rgb(255, 255, 255)', dark: 'rgb(20, 23, 26)' };

/** The pages by the command that makes them. */
const pages: Record<'compare' | 'refine', () => Promise<string>> = {
  compare: async () => {
    // Eight losses, four students, three conditions: as wide and as long as the page gets.
    const text = readFileSync(join(root, 'bench/results/comparison-scifact.json'), 'utf8');
    return renderReport(readSaved(JSON.parse(text)), await loadPlotting());
  },
  refine: async () => {
    const { data, teacher } = OPTIONS;
    const options = {
      ...{ data, teacher, losses: ['ckl', 'kl', { kl: 1, marginMse: 0.05 }] as const },
      ...{ docs: 8, width: 32, epochs: 2, patience: 2, batch: 32, learningRate: 0.003, seed: 1 },
      zeroShot: [data],
    };
    const args = ['--data', data, '--teacher', teacher, '--losses', 'ckl,kl,kl:1+marginMse:0.05'];
    return refinementPage(await refine(options), { options, args, made: MADE }, await loadPlotting());
  },
};

it.runIf(process.env.CKL_CHROMIUM === 'required')('there is a Chromium, which this run requires', () => {
  expect(chromium, 'install the package chromium, or unset CKL_CHROMIUM').toBeDefined();
});

describe.skipIf(!chromium)('in Chromium (skipped without the package chromium)', () => {
  describe.each(['compare', 'refine'] as const)('the page of %s', (command) => {
    let html: string;
    beforeAll(async () => {
      html = await pages[command]();
    });

    it.each([
      [390, 'light'],
      [390, 'dark'],
      [1280, 'light'],
      [1280, 'dark'],
    ] as const)('%i pixels wide, %s', (width, mode) => {
      const seen = look(chromium!, files.dir, html, width, mode);
      expect(seen.width).toBe(width);
      expect(seen.background).toBe(BACKGROUND[mode]);
      expect(seen.overflowing, 'wider than the page').toEqual([]);
      expect(seen.faint, 'contrast below 4.5').toEqual([]);
      expect(seen.texts).toBeGreaterThan(100);
      expect(seen.fetched).toBe(0);
      expect(seen.deadLinks).toEqual([]);
      checkTables(seen, width);
      checkCharts(seen);
    });
  });

  it('would see text that is too faint, an element that is too wide, and a link to nowhere', () => {
    const html = `<!doctype html><style>body{background:#fff;margin:0}p{color:#777}s{background:#000}</style>
<p>nearly</p><b style="color:#767676">enough</b><s>black on black</s><i style="opacity:.4">faded</i><a href="#no">x</a>
<div style="width:2000px">wide</div>`;
    const seen = look(chromium!, files.dir, html, 390, 'light');
    expect(seen.faint.map(({ text }) => text)).toEqual(['nearly', 'black on black', 'faded']);
    expect(seen.faint[0].contrast).toBeCloseTo(4.48, 2);
    expect(seen.overflowing).toEqual(['div']);
    expect(seen.deadLinks).toEqual(['#no']);
  });
});

/** Tables are tables, and their first column stays when they scroll. */
function checkTables({ tables }: Seen, width: number): void {
  expect(tables.length).toBeGreaterThan(1);
  expect(tables.every(({ display }) => display === 'table')).toBe(true);
  const scrolled = tables.filter(({ moved }) => moved > 0);
  if (width === 390) expect(scrolled.length).toBeGreaterThan(0);
  else expect(scrolled).toEqual([]);
  for (const { firstColumn } of scrolled) expect(Math.abs(firstColumn)).toBeLessThan(1);
}

/** No chart is smaller than its place, its letters can be read, and no two names of lines overlap. */
function checkCharts({ charts, main }: Seen): void {
  expect(charts.length).toBeGreaterThan(2);
  for (const { filled, letters, overlapping } of charts) {
    expect(filled).toBeGreaterThan(0.99);
    expect(letters).toBeGreaterThan(9);
    expect(overlapping).toEqual([]);
  }
  // Rows of charts are full: they are as wide as the text, but for the gaps.
  const tops = new Set(charts.map(({ top }) => Math.round(top)));
  for (const top of tops) {
    const row = charts.filter((chart) => Math.round(chart.top) === top);
    const sum = row.reduce((total, chart) => total + chart.width, 0);
    expect(sum).toBeGreaterThan(0.9 * main);
  }
  expect(charts.some(({ names }) => names > 2)).toBe(true);
}
