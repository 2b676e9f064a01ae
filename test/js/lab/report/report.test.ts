// The report: it stands alone, every claim has its test, tables and colours can be read by everyone.
import { beforeAll, describe, expect, it } from 'vitest';
import type { SavedComparison } from '../../../../lib/lab/compare/saved';
import type { Table } from '../../../../lib/lab/compare/tables';
import { loadPlotting, type Plotting, renderReport } from '../../../../lib/lab/report/index';
import { htmlTable } from '../../../../lib/lab/report/html';
import { allRecipes } from '../../../../lib/lab/experiment/recipes';
import { colourVariables } from '../../../../lib/lab/report/series';
import { findings, limits } from '../../../../lib/lab/report/statements';
import { heatColours, SCHEMES } from '../../../../lib/lab/report/style';
import { comparison } from './small';

let saved: SavedComparison;
let plotting: Plotting;
let html: string;

beforeAll(async () => {
  saved = await comparison();
  plotting = await loadPlotting();
  html = renderReport(saved, plotting);
});

describe('the page', () => {
  it('fetches nothing and runs nothing', () => {
    const withoutNamespaces = html.replace(/xmlns(:\w+)?="[^"]*"/g, '');
    expect(withoutNamespaces).not.toMatch(
      /https?:|src=|href="(?!#)|url\(|@import|<script|<link|<iframe|\son\w+=/i,
    );
  });

  it('has no value that is none', () => {
    expect(html).not.toMatch(/NaN|undefined|null|Infinity|\[object/);
  });

  it('has the tables and figures of the paper, each chart with a name for those who cannot see it', () => {
    for (const title of [
      'Table 1',
      'Table 2',
      'Wrong teacher',
      'Training curves',
      'Figure 1',
      'Figure 2',
      'Figure 3',
    ])
      expect(html).toContain(`<h2>${title}`);
    const charts = html.match(/<figure>.*?<\/figure>/gs)!;
    // Curves and Figure 1 a student, Figure 2 for the grid and a student in two panels, Figure 3 in four.
    expect(charts).toHaveLength(2 + 2 + 6 + 8);
    for (const chart of charts) {
      expect(chart).toMatch(/<svg[^>]* role="img"/);
      expect(chart).toMatch(/<svg[^>]* aria-label="[^"]{20,}"/);
      expect(chart).toMatch(/<figcaption>.+<\/figcaption>/);
    }
  });

  it('has contents that lead to every section, and findings and learning rates folded', () => {
    const links = [...html.matchAll(/<a href="#([^"]+)">/g)].map(([, id]) => id);
    const ids = [...html.matchAll(/<section id="([^"]+)">/g)].map(([, id]) => id);
    expect(links).toEqual(ids);
    expect(ids[0]).toBe('summary');
    expect(html.match(/<details><summary>/g)).toHaveLength(saved.tables.length + 1);
    for (const claim of html.matchAll(/CKL is (better|worse) than/g))
      expect(html.lastIndexOf('<details>', claim.index)).toBeGreaterThan(
        html.lastIndexOf('</details>', claim.index),
      );
  });

  it('has header cells in both directions, with as many cells in each row as columns', () => {
    const tables = html.match(/<table.*?<\/table>/gs)!;
    expect(tables.length).toBeGreaterThan(8);
    for (const table of tables) {
      expect(table).toMatch(/<caption>.+<\/caption>/);
      const columns = table.match(/scope="col"/g)!.length;
      const rows = table.match(/scope="row"/g)!.length;
      expect(table.match(/<td/g)).toHaveLength(rows * (columns - 1));
      const spans = [...table.matchAll(/scope="colgroup" colspan="(\d+)"/g)].map(([, span]) => +span);
      if (spans.length > 0)
        expect(spans.reduce((a, b) => a + b) + table.match(/rowspan="2"/g)!.length).toBe(columns);
    }
  });

  it('writes minus signs and measures in one way', () => {
    const words = html.replace(/<style>.*?<\/style>|<[^>]*>/gs, ' ');
    expect(words).not.toMatch(/[\s(]-\d|\de-\d/);
    expect(words).not.toMatch(/ndcg@|mrr@/);
    expect(words).toContain('−');
  });

  it('says which paper its figures are of', () => {
    expect(html).toContain('<cite>Weighted KL-Divergence for Document Ranking Model Refinement</cite>');
    for (const number of [1, 2, 3]) expect(html).toContain(`Figure ${number} of the CKL paper`);
  });

  it('is the same for the same comparison', async () => {
    expect(renderReport(saved, await loadPlotting())).toBe(html);
  });

  it('escapes what it is given', () => {
    const table = htmlTable({ caption: '<b>&', columns: ['a', '"x"'], rows: [["<i>'", '&']] });
    expect(table).not.toMatch(/<[bi]>/);
    expect(table).toContain('&#60;b&#62;&#38;');
  });
});

describe('the words', () => {
  /** A table with one column and the corrected p values and differences given. */
  const table = (tests: Record<string, [difference: number, pHolm: number]>): Table => ({
    student: 'dense',
    title: 'T',
    condition: 'clean',
    columns: ['rerank ndcg@10'],
    rows: Object.entries(tests).map(([name, [difference, pHolm]]) => ({
      name,
      rates: [1],
      cells: {
        'rerank ndcg@10': {
          mean: 0.5,
          bySeed: [0.5],
          versusCkl: { difference, queries: 9, p: pHolm, pHolm },
        },
      },
    })),
  });

  it('call a difference one only below the level, and in the right direction', () => {
    const [text] = findings(table({ kl: [-0.02, 0.049], nll: [0.03, 0.001], bkl: [-0.5, 0.05] }));
    expect(text).toBe(
      'rerank nDCG@10: CKL is better than KL (−0.020, p = 0.049); CKL is worse than NLL (+0.030, p = 0.001); the data do not tell CKL from BKL (−0.500, p = 0.050).',
    );
  });

  it('name the largest difference that went without significance', () => {
    const tables = [table({ kl: [-0.0421, 0.06], nll: [0.9, 0.01], bkl: [0.01, 1] })];
    expect(limits({ ...saved, tables })[0]).toContain('up to 0.042 went without significance');
  });

  it('every "better" and "worse" on the page stands beside a p value', () => {
    for (const claim of html.match(/CKL is (better|worse) than [^;.]*/g) ?? [])
      expect(claim).toMatch(/p [=<]/);
    for (const sentence of saved.tables.flatMap(findings))
      expect(sentence).toMatch(/p [=<]|no change is shown/);
  });

  it('marks in tables are those of the tests', () => {
    const marked = table({ kl: [-0.02, 0.01], nll: [0.03, 0.01], bkl: [0.03, 0.2] });
    const page = renderReport({ ...saved, tables: [marked] }, plotting);
    const signs = (name: string) =>
      new RegExp(`>${name}</th><td[^>]*><strong>0\\.500</strong><span class="mark">(.?)</span>`).exec(
        page,
      )?.[1];
    expect([signs('KL'), signs('NLL'), signs('BKL')]).toEqual(['†', '‡', '']);
  });
});

describe('contrast, by WCAG 2', () => {
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5]
      .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string): number => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };

  it.each(['light', 'dark'] as const)(
    '4.5 : 1 for text, on the heat map too, and for lines, whose names have their colours, on the %s page',
    (mode) => {
      const { background, band, text, soft, accent } = SCHEMES[mode];
      for (const below of [background, band])
        for (const colour of [text, soft, accent])
          expect(contrast(colour, below)).toBeGreaterThanOrEqual(4.5);
      for (const below of heatColours(mode)) expect(contrast(text, below)).toBeGreaterThanOrEqual(4.5);
      const lines = colourVariables(mode).match(/#[0-9a-f]{6}/g)!;
      expect(lines).toHaveLength(allRecipes.length);
      expect(new Set(lines).size).toBe(lines.length);
      for (const colour of lines) expect(contrast(colour, background)).toBeGreaterThanOrEqual(4.5);
    },
  );
});
