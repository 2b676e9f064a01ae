// The head of the report, from made-up tables: five lines, the heat map, and rows that a training did not change.
import { beforeAll, describe, expect, it } from 'vitest';
import type { SavedComparison } from '../../../../lib/lab/compare/saved';
import type { Cell, Row, Table } from '../../../../lib/lab/compare/tables';
import { apart } from '../../../../lib/lab/report/charts';
import { heatMap } from '../../../../lib/lab/report/heat-map';
import { keptRows } from '../../../../lib/lab/report/kept';
import { differenceText, pText } from '../../../../lib/lab/report/numbers';
import { seriesStyles } from '../../../../lib/lab/report/series';
import { summary } from '../../../../lib/lab/report/summary';
import { comparison } from './small';

const COLUMNS = ['rerank ndcg@10', 'full ndcg@10', 'zero-shot x ndcg@10'];
const test = (difference: number, pHolm: number) => ({ difference, queries: 9, p: pHolm, pHolm });

/** A trained row: mean, and the tests of its `full` column against CKL and the start. */
function row(
  name: string,
  mean: number,
  versusCkl?: Cell['versusCkl'],
  versusStart?: Cell['versusStart'],
): Row {
  const cells = Object.fromEntries(
    COLUMNS.map((column): [string, Cell] => [
      column,
      { mean, bySeed: [mean, mean], ...(column === COLUMNS[1] && { versusCkl, versusStart }) },
    ]),
  );
  return { name, rates: name === 'start' ? [] : [1], cells };
}
const table = (rows: Row[], more: Partial<Table> = {}): Table => ({
  ...{ student: 'dense', title: 'Dense (one vector)', condition: 'clean', columns: COLUMNS, rows },
  ...more,
});
const CLEAN = table([
  row('start', 0.4),
  row('kl', 0.52, test(-0.08, 0.01), test(0.12, 0.001)),
  row('ckl', 0.6, undefined, test(0.2, 0.001)),
  row('nll', 0.62, test(0.02, 0.3), test(0.22, 0.2)),
]);
const WRONG = table(
  [row('start', 0.4), row('kl', 0.3, test(-0.0001, 1)), row('ckl', 0.3), row('nll', 0.34, test(0.04, 0.02))],
  { condition: 'wrongTeacher' },
);

let saved: SavedComparison;
beforeAll(async () => {
  saved = { ...(await comparison()), tables: [CLEAN, WRONG] };
});
const textOf = (html: string) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

describe('the summary', () => {
  it('has five lines: what was compared, gained, CKL and the others, the highest, and elsewhere', () => {
    const html = summary(saved);
    expect(html.match(/<li>/g)).toHaveLength(5);
    const text = textOf(html);
    expect(text).toContain('above the untrained student in full nDCG@10: Dense 2 of 3.');
    expect(text).toContain('of 2 differences, 1 significantly in favour of CKL and none against it.');
    expect(text).toContain('full nDCG@10: Dense NLL 0.620 (CKL 0.600). No lead over CKL is significant.');
    expect(text).toContain(
      'With a wrong teacher: of 2 differences, none significantly in favour of CKL and 1 against it.',
    );
  });

  it('says that a lead is significant if it is', () => {
    const [start, kl, ckl] = CLEAN.rows;
    const sure = table([start, kl, ckl, row('nll', 0.62, test(0.02, 0.03))]);
    expect(textOf(summary({ ...saved, tables: [sure] }))).toContain('is significant for Dense.');
  });
});

describe('the heat map', () => {
  it('has a row per student and condition, coloured by the difference, with the signs of the tests', () => {
    const html = heatMap(saved);
    const rows = [...html.matchAll(/<th scope="row">Dense.*?<\/tr>/g)].map(([text]) => text);
    expect(rows).toHaveLength(2);
    const cells = rows.map((text) =>
      [...text.matchAll(/<td[^>]*class="([^"]*)">([^<]*)<span class="mark">(.?)</g)].map(
        ([, ...rest]) => rest,
      ),
    );
    expect(cells).toEqual([
      [
        ['heat-below-4', '−0.080', '†'],
        ['heat-above-1', '+0.020', ''],
      ],
      [
        ['heat-0', '0.000', ''],
        ['heat-above-2', '+0.040', '‡'],
      ],
    ]);
    expect(textOf(html)).toContain('Difference from CKL in full nDCG@10');
  });
});

describe('rows that equal the one before', () => {
  const seeds = (name: string, values: number[]): Row => ({
    name,
    rates: [1],
    cells: { m: { mean: values.reduce((a, b) => a + b) / values.length, bySeed: values } },
  });
  const rows = (warmup: number, ...trained: Row[]) => [
    { ...seeds('start', [0.4]), rates: [] },
    { ...seeds('warm-up', [warmup]), rates: [] },
    ...trained,
  ];

  it('say that no epoch was better, for the seeds where that is so', () => {
    const { names, notes } = keptRows({
      rows: rows(0.5, seeds('kl', [0.5, 0.5]), seeds('ckl', [0.6, 0.5 + 1e-15]), seeds('nll', [0.6, 0.7])),
    });
    expect([...names]).toEqual(['kl', 'ckl']);
    expect(notes).toEqual([
      '° KL (2 of 2 seeds) and CKL (1 of 2 seeds): on dev, no epoch of the training was better than the warm-up, whose parameters were kept.',
    ]);
  });

  it('say so of the warm-up too, and nothing where nothing is equal', () => {
    expect(keptRows({ rows: rows(0.4, seeds('kl', [0.6])) }).notes).toEqual([
      '° Warm-up equals the start: on dev, no epoch of the warm-up was better than the untrained student, which was kept.',
    ]);
    expect(keptRows({ rows: rows(0.5, seeds('kl', [0.6])) }).notes).toEqual([]);
  });
});

describe('the pieces', () => {
  it('places names at the ends of lines apart, in order and in range', () => {
    const placed = apart([50, 52, 51, 10, 99], 10, 0, 100);
    expect(placed[3]).toBe(10);
    const sorted = [...placed].sort((a, b) => a - b);
    expect(sorted).toEqual([placed[3], placed[0], placed[2], placed[1], placed[4]]);
    for (let i = 1; i < sorted.length; i++) expect(sorted[i] - sorted[i - 1]).toBeGreaterThanOrEqual(10);
    expect(Math.max(...apart([95, 97, 99], 10, 0, 100))).toBe(100);
    expect(apart([1, 1, 1], 10, 0, 100)).toEqual([1, 11, 21]);
  });

  it('gives sums of losses colours of their own', () => {
    const styles = seriesStyles(['ckl', 'kl:1+nll:0.1', 'kl:1+nll:0.5']);
    expect(new Set(styles.map(({ stroke }) => stroke)).size).toBe(3);
  });

  it.each([
    [-0.0004, '0.000'],
    [-0.0006, '−0.001'],
    [0.0125, '+0.013'],
  ])('writes the difference %f as %s', (difference, text) => {
    expect(differenceText(difference)).toBe(text);
  });

  it('writes p values with the digits that they have', () => {
    expect([0.00001, 0.00042, 0.0123, 0.5].map(pText)).toEqual([
      'p < 0.0001',
      'p = 0.0004',
      'p = 0.012',
      'p = 0.50',
    ]);
  });
});
