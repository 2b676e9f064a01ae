// What `ckl-loss refine` prints and saves: a table of the losses, their comparisons, and a page with the paper's figures.
import { escapeHtml, lineChart } from '../refine/chart.js';
import type { RefineResult } from '../refine/job.js';
import { differenceText, formatTable, measureText, pText } from './table.js';

const CAVEAT =
  'One start, one seed, one learning rate for all losses: a difference here is a hint. Seeds alone move results by about .01; ' +
  'search the learning rate of each loss on dev and repeat with other seeds before you believe one.';

function resultRows({ start, refined, teacher }: RefineResult): string[][] {
  const cells = (measured: RefineResult['start']) => [
    measureText(measured.rerank.mean['ndcg@10']),
    measureText(measured.rerank.mean['mrr@10']),
    measureText(measured.full.mean['ndcg@10']),
    measureText(measured.full.mean['mrr@10']),
  ];
  return [
    ['student', 'rerank nDCG@10', 'rerank MRR@10', 'full nDCG@10', 'full MRR@10', 'epoch kept'],
    ['start', ...cells(start), ''],
    ...refined.map((one) => [one.loss, ...cells(one), String(one.training.bestEpoch)]),
    ['teacher', measureText(teacher.mean['ndcg@10']), measureText(teacher.mean['mrr@10']), '', '', ''],
  ];
}

function comparisonRows({ comparisons, refined }: RefineResult): string[][] {
  return [
    [`${refined[0]?.loss} against`, 'setting', 'measure', 'difference', 'p', 'p (Holm)'],
    ...comparisons.map(({ against, setting, measure, meanDifference, p, pHolm }) => [
      against,
      setting,
      measure,
      differenceText(meanDifference),
      pText(p),
      pText(pHolm),
    ]),
  ];
}

/** The report as text. */
export function reportRefinement(result: RefineResult): string {
  const { data, teacherTemperature, comparisons } = result;
  return [
    '',
    `${data.test} held-out queries; rerank: the teacher's candidates, full: all ${data.documents} documents`,
    `teacher temperature ${Number(teacherTemperature.toPrecision(3))}`,
    '',
    formatTable(resultRows(result)),
    ...(comparisons.length > 0 ? [formatTable(comparisonRows(result))] : []),
    `${CAVEAT}\n`,
  ].join('\n');
}

/** The report as one HTML page without scripts or links. */
export function refinementPage(result: RefineResult): string {
  const table = ([head, ...rows]: string[][]) => {
    const row = (cells: string[], tag: string) =>
      `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
    return `<table><thead>${row(head, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody></table>`;
  };
  const series = (values: (one: RefineResult['refined'][number]) => number[]) =>
    result.refined.map((one) => ({ name: one.loss, values: values(one) }));
  const charts = [
    lineChart(
      'Dev nDCG@10',
      'epoch',
      series((one) => one.training.history.map(({ dev }) => dev)),
    ),
    lineChart(
      'Lowest positive - highest negative, top 10 (Fig. 3a, b)',
      'epoch',
      series((one) => one.behaviour.map((b) => b.separation)),
    ),
    lineChart(
      'Entropy of the positives (Fig. 3c, d)',
      'epoch',
      series((one) => one.behaviour.map((b) => b.entropy)),
    ),
  ];
  const { data } = result;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>ckl-loss refine</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .7rem;border-bottom:1px solid #ccc;text-align:left}
svg{font:12px system-ui,sans-serif;margin:.5rem}</style></head><body>
<h1>Refinement by distillation</h1>
<p>${data.documents} documents; ${data.train} training, ${data.dev} dev and ${data.test} held-out test queries. Rerank: the teacher's
candidates; full: all documents.</p>
${table(resultRows(result))}
${result.comparisons.length > 0 ? table(comparisonRows(result)) : ''}
<p>${CAVEAT}</p>
<h2>Behaviour during training (dev queries)</h2>
<p>Probabilities are the student's softmax over its candidates, without temperature.</p>
${charts.join('\n')}
</body></html>
`;
}

/** The same and more, for --json. */
export function summariseRefinement(result: RefineResult, options: object): object {
  const means = ({ rerank, full }: RefineResult['start']) => ({ rerank: rerank.mean, full: full.mean });
  return {
    options,
    data: result.data,
    teacherTemperature: result.teacherTemperature,
    teacher: result.teacher.mean,
    start: means(result.start),
    refined: result.refined.map((one) => ({
      loss: one.loss,
      training: one.training,
      behaviour: one.behaviour,
      ...means(one),
    })),
    comparisons: result.comparisons,
  };
}
