// What `ckl-loss refine` prints and saves: a table of the losses, their comparisons, and a page with the paper's figures.
import type { RefineOptions, RefineResult } from '../../refine/job.js';
import { legend, lineChart } from '../../report/charts.js';
import { htmlDocument } from '../../report/document.js';
import { htmlTable, paragraph } from '../../report/html.js';
import type { Plotting } from '../../report/plotting.js';
import { differenceText, formatTable, measureText, pText } from '../table.js';

const CAVEAT =
  'One start, one seed, one learning rate for all losses: a difference here is a hint. Seeds alone move results by about .01; ' +
  'search the learning rate of each loss on dev and repeat with other seeds before you believe one.';

/** CKL refines what already ranks; the paper warms up first. */
const isCkl = (loss: string): boolean => /(^|\+)ckl/.test(loss);

const NO_WARMUP =
  'ckl began at the untrained start here. The paper warms up first: --warmup kl (docs/guide/choosing-parameters.md).';

const lacksWarmup = ({ warmup, refined }: RefineResult): boolean =>
  !warmup && refined.some(({ loss }) => isCkl(loss));

function resultRows({ start, warmup, refined, teacher }: RefineResult): string[][] {
  const cells = (measured: RefineResult['start']) => [
    measureText(measured.rerank.mean['ndcg@10']),
    measureText(measured.rerank.mean['mrr@10']),
    measureText(measured.full.mean['ndcg@10']),
    measureText(measured.full.mean['mrr@10']),
    ...Object.values(measured.zeroShot).map(({ mean }) => measureText(mean['ndcg@10'])),
  ];
  const others = Object.keys(start.zeroShot);
  return [
    [
      'student',
      ...['rerank nDCG@10', 'rerank MRR@10', 'full nDCG@10', 'full MRR@10'],
      ...others.map((name) => `${name} nDCG@10`),
      'epoch kept',
    ],
    ['start', ...cells(start), ''],
    ...(warmup ? [[`warm-up ${warmup.loss}`, ...cells(warmup), String(warmup.training.bestEpoch)]] : []),
    ...refined.map((one) => [
      isCkl(one.loss) && !warmup ? `${one.loss} (no warm-up)` : one.loss,
      ...cells(one),
      String(one.training.bestEpoch),
    ]),
    [
      'teacher',
      measureText(teacher.mean['ndcg@10']),
      measureText(teacher.mean['mrr@10']),
      '',
      '',
      ...others.map(() => ''),
      '',
    ],
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
    `${data.test} held-out queries${result.folds ? ` in ${result.folds} folds` : ''}; rerank: the teacher's candidates, full: all ${data.documents} documents`,
    `teacher temperature ${Number(teacherTemperature.toPrecision(3))}`,
    '',
    formatTable(resultRows(result)),
    ...(comparisons.length > 0 ? [formatTable(comparisonRows(result))] : []),
    ...(lacksWarmup(result) ? [NO_WARMUP] : []),
    `${CAVEAT}\n`,
  ].join('\n');
}

/** The report as one HTML page without scripts or links. */
export function refinementPage(result: RefineResult, plotting: Plotting): string {
  const { data } = result;
  const table = (caption: string, [columns, ...rows]: string[][]) => htmlTable({ caption, columns, rows });
  const chart = (
    title: string,
    description: string,
    y: string,
    values: (one: RefineResult['refined'][number]) => number[],
  ) =>
    lineChart(plotting, {
      title,
      description,
      x: 'Epoch',
      y,
      series: result.refined.map((one) => ({ name: one.loss, values: values(one) })),
    });
  const names = result.refined.map(({ loss }) => ({ name: loss, label: loss }));
  return htmlDocument(
    'Refinement by distillation',
    `<h1>Refinement by distillation</h1>
<p>${data.documents} documents; ${data.train} training, ${data.dev} dev and ${data.test} held-out test queries.</p>
${table('Rerank: the teacher’s candidates; full: all documents.', resultRows(result))}
${result.comparisons.length > 0 ? table(`${result.refined[0].loss} against the start and the other losses: paired t-tests over queries, Holm’s correction over all of them.`, comparisonRows(result)) : ''}
${lacksWarmup(result) ? paragraph(NO_WARMUP) : ''}
${paragraph(CAVEAT)}
<h2>Behaviour during training</h2>
<p>On dev queries. Probabilities are the student’s softmax over its candidates, without temperature.</p>
${legend(names)}
<div class="charts">
${chart('Dev nDCG@10', 'Before training and after each epoch.', 'nDCG@10', (one) => one.training.history.map(({ dev }) => dev))}
${chart('Separation', 'Figure 3 (a, b): lowest positive less highest negative probability among the ten best.', 'Separation', (one) => one.behaviour.map((b) => b.separation))}
${chart('Entropy', 'Figure 3 (c, d): entropy of the probabilities of the positives, in nats.', 'Entropy', (one) => one.behaviour.map((b) => b.entropy))}
</div>`,
  );
}

/** The same and more, for --json; of a run that was interrupted and resumed the same as of one that was not. */
export function summariseRefinement(
  result: RefineResult,
  { checkpoint: _, checkpointEvery: __, resume: ___, keepsStudent: ____, ...options }: RefineOptions,
): object {
  const means = ({ rerank, full, zeroShot }: RefineResult['start']) => ({
    rerank: rerank.mean,
    full: full.mean,
    zeroShot: Object.fromEntries(Object.entries(zeroShot).map(([name, { mean }]) => [name, mean])),
  });
  return {
    options,
    data: result.data,
    folds: result.folds,
    teacherTemperature: result.teacherTemperature,
    teacher: result.teacher.mean,
    start: means(result.start),
    warmup: result.warmup && {
      loss: result.warmup.loss,
      training: result.warmup.training,
      ...means(result.warmup),
    },
    refined: result.refined.map((one) => ({
      loss: one.loss,
      training: one.training,
      behaviour: one.behaviour,
      ...means(one),
    })),
    comparisons: result.comparisons,
  };
}
