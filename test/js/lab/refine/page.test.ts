// The page of a refinement: it names what was refined and how, its best values stand out, and rows that a training did not change say why.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { refinementPage, type RefinementContext } from '../../../../lib/lab/cli/refine/page';
import { refine, type RefineOptions, type RefineResult } from '../../../../lib/lab/refine/job';
import { loadPlotting, type Plotting } from '../../../../lib/lab/report/index';
import { MADE } from '../report/small';

const sample = join(__dirname, '../../../../examples/sample');
const OPTIONS: RefineOptions = {
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  losses: ['kl', 'nll'],
  docs: 8,
  width: 32,
  epochs: 2,
  patience: 2,
  batch: 32,
  learningRate: 0.003,
  seed: 7,
};
const CONTEXT: RefinementContext = {
  options: OPTIONS,
  args: ['--data', join(sample, 'folder', 'sample'), '--seed', '7'],
  made: MADE,
};

let result: RefineResult;
let plotting: Plotting;
const render = (of: RefineResult = result) => refinementPage(of, CONTEXT, plotting);
/** The row of a table by the beginning of its name. */
const rowOf = (page: string, name: string) =>
  page.match(new RegExp(`<tr><th scope="row">${name}.*?</tr>`))?.[0] ?? '';

beforeAll(async () => {
  result = await refine(OPTIONS);
  plotting = await loadPlotting();
});

describe('the page of refine', () => {
  it('names collection, student, options, seed, date, version and command, and no folder of the machine', () => {
    const page = render();
    const value = (name: string) => new RegExp(`<dt>${name}</dt><dd>(.*?)</dd>`).exec(page)?.[1];
    expect(value('Collection')).toBe('sample');
    expect(value('Student')).toBe('Dense (one vector a text)');
    expect(value('Losses')).toBe('KL, NLL');
    expect(value('Options')).toBe('docs 8, width 32, epochs 2, patience 2, batch 32, learning rate 0.003');
    expect(value('Seed')).toBe('7');
    expect(value('Date')).toBe(MADE.date);
    expect(value('Version')).toMatch(/^ckl-loss \d+\.\d+\.\d+, commit abc1234; Node v20$/);
    expect(value('Command')).toBe('ckl-loss refine --data sample --seed 7');
    expect(page).not.toContain(sample);
    expect(page).not.toMatch(/NaN|undefined|<script/);
  });

  it('has the measures with the best in bold, the tests, and a named line per loss in each chart', () => {
    const page = render();
    const [kl, nll] = result.refined.map(({ full }) => full.mean['mrr@10'].toFixed(3));
    expect(rowOf(page, 'NLL')).toContain(nll);
    expect(rowOf(page, kl >= nll ? 'KL' : 'NLL')).toContain(`<strong>${kl >= nll ? kl : nll}</strong>`);
    expect(page).toContain('KL against the start and the other losses: paired t-tests');
    expect(page).toContain('Figure 3 of the CKL paper');
    const charts = page.match(/<figure>.*?<\/figure>/gs)!;
    expect(charts).toHaveLength(3);
    for (const chart of charts) {
      expect(chart.match(/aria-label="line"/g)).toHaveLength(2);
      for (const name of ['KL', 'NLL']) expect(chart).toMatch(new RegExp(`<text[^>]*>${name}</text>`));
    }
    // A hyphen before a digit would be a minus sign of another kind.
    expect(page.replace(/<style>.*?<\/style>|<[^>]*>/gs, ' ')).not.toMatch(/[\s(]-\d/);
  });

  it('says of a row that equals the start that its training was no better on dev', () => {
    expect(render()).not.toContain('°');
    const { start, refined } = result;
    const [first, second] = refined;
    const page = render({ ...result, refined: [first, { ...second, ...start }] });
    expect(rowOf(page, 'NLL')).toContain('°');
    expect(rowOf(page, 'KL')).not.toContain('°');
    expect(page).toContain(
      '° NLL: on dev, no epoch of the training was better than the start, whose parameters were kept.',
    );
  });
});
