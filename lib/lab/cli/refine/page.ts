// The page of `ckl-loss refine --html`: what was refined on what and how, the measures with their tests, and Figure 3 of the paper.
import { nameOf } from '../../experiment/data.js';
import type { Provenance } from '../../provenance.js';
import type { RefineOptions, RefineResult } from '../../refine/job.js';
import type { Measured, Refined } from '../../refine/results.js';
import { chartGrid, lineChart } from '../../report/charts.js';
import { htmlDocument, type Section } from '../../report/document.js';
import { definitions, escapeHtml, htmlTable, paragraph, type TableCell } from '../../report/html.js';
import { KEPT } from '../../report/kept.js';
import { differenceText, measureText, pNumber } from '../../report/numbers.js';
import type { Plotting } from '../../report/plotting.js';
import {
  columnTitle,
  counted,
  joined,
  PAPER,
  recipeLabel,
  recipeTitle,
  shortTitle,
} from '../../report/words.js';
import { PACKAGE_VERSION } from '../../students/saved/folder.js';
import { titleOfLoss } from '../../training/loss-sum.js';
import { largest } from '../../../extremes.js';
import { commandLine } from '../model-card.js';
import { CAVEAT, isCkl, lacksWarmup, NO_WARMUP } from './report.js';
import { studentTitle } from './words.js';

/** Information that a result does not contain. */
export interface RefinementContext {
  options: RefineOptions;
  /** What followed `refine` on the command line. */
  args: readonly string[];
  made: Provenance;
}

/** One HTML page without scripts or links elsewhere. */
export function refinementPage(result: RefineResult, context: RefinementContext, plotting: Plotting): string {
  const { data, folds, comparisons } = result;
  const sections: (Section | false)[] = [
    {
      id: 'results',
      title: 'Results',
      body: `${paragraph(`${data.test} held-out queries${folds ? ` in ${folds} folds` : ''}. rerank: the teacher’s candidates; full: all ${data.documents} documents.`)}
${resultTable(result)}
${lacksWarmup(result) ? paragraph(NO_WARMUP) : ''}
${paragraph(CAVEAT)}`,
    },
    comparisons.length > 0 && { id: 'tests', title: 'Tests', body: testTable(result) },
    {
      id: 'figure-3',
      title: 'Behaviour during training',
      body: `<p>On dev queries. Separation and entropy are what Figure 3 of the CKL paper plots, <cite>${escapeHtml(PAPER.title)}</cite> (${escapeHtml(PAPER.authors)}). Probabilities are the student’s softmax over its candidates, without temperature.</p>
${curves(result, plotting)}`,
    },
    { id: 'method', title: 'How it was made', body: definitions(methodOf(result, context)) },
  ];
  return htmlDocument({
    title: `${shortTitle(studentTitle(context.options))}, refined on ${nameOf(context.options.data)}`,
    lead: `<p class="soft">${escapeHtml(
      `${data.documents} documents; ${data.train} training, ${data.dev} dev and ${data.test} test queries. ${context.made.date}, ckl-loss ${PACKAGE_VERSION}.`,
    )}</p>`,
    sections: sections.filter((section) => typeof section === 'object'),
  });
}

type MeasuredRow = { name: string; measured: Partial<Measured>; trained?: Refined };

/** Names of columns, and how to get their values. */
function columnsOf({ start }: RefineResult) {
  const of = (group: 'rerank' | 'full', measure: string) => ({
    group,
    name: columnTitle(measure),
    valueOf: (measured: Partial<Measured>) => measured[group]?.mean[measure],
  });
  return [
    ...(['rerank', 'full'] as const).flatMap((group) => [of(group, 'ndcg@10'), of(group, 'mrr@10')]),
    ...Object.keys(start.zeroShot).map((name) => ({
      group: 'zero-shot',
      name: `${name} ${columnTitle('ndcg@10')}`,
      valueOf: (measured: Partial<Measured>) => measured.zeroShot?.[name]?.mean['ndcg@10'],
    })),
  ];
}

function resultTable(result: RefineResult): string {
  const { start, warmup, refined, teacher } = result;
  const columns = columnsOf(result);
  const rows: MeasuredRow[] = [
    { name: recipeTitle('start'), measured: start },
    ...(warmup ? [{ name: `Warm-up, ${recipeTitle(warmup.loss)}`, measured: warmup, trained: warmup }] : []),
    ...refined.map((one) => ({
      name: `${recipeTitle(one.loss)}${isCkl(one.loss) && !warmup ? ' (no warm-up)' : ''}`,
      measured: one,
      trained: one,
    })),
    { name: recipeTitle('teacher'), measured: { rerank: teacher } },
  ];
  // The warm-up is the starting point of the losses, not one of them.
  const competing = rows.filter(({ trained }) => trained && trained !== warmup);
  const equals = (a: Measured, b: Measured) => columns.every(({ valueOf }) => valueOf(a) === valueOf(b));
  const kept = competing.filter(({ trained }) => equals(trained!, warmup ?? start));
  return htmlTable({
    caption: `Means over ${counted(result.data.test, 'query', 'queries')}; bold: the best loss of a column.`,
    columns: ['Student', ...columns, 'epoch kept'],
    rows: rows.map((row) => [
      { text: row.name, mark: kept.includes(row) ? KEPT : undefined },
      ...columns.map(({ valueOf }): TableCell => {
        const value = valueOf(row.measured);
        if (value === undefined) return { text: '' };
        const best = largest(competing.map(({ measured }) => valueOf(measured) ?? -Infinity));
        const strong = competing.includes(row) && measureText(value) === measureText(best);
        return { text: measureText(value), title: value.toFixed(4), strong };
      }),
      row.trained ? String(row.trained.training.bestEpoch) : '',
    ]),
    notes:
      kept.length === 0
        ? []
        : [
            `${KEPT} ${joined(kept.map(({ name }) => name))}: on dev, no epoch of the training was better than the ${warmup ? 'warm-up' : 'start'}, whose parameters were kept.`,
          ],
  });
}

const testTable = ({ comparisons, refined }: RefineResult): string =>
  htmlTable({
    caption: `${recipeTitle(refined[0].loss)} against the start and the other losses: paired t-tests over queries, Holm’s correction over all of them.`,
    columns: ['Against', 'setting', 'measure', 'difference', 'p', 'p (Holm)'],
    rows: comparisons.map(({ against, setting, measure, meanDifference, p, pHolm }) => [
      recipeTitle(against),
      setting,
      columnTitle(measure),
      differenceText(meanDifference),
      pNumber(p),
      pNumber(pHolm),
    ]),
  });

function curves({ refined }: RefineResult, plotting: Plotting): string {
  const chart = (title: string, description: string, y: string, values: (one: Refined) => number[]) =>
    lineChart(plotting, {
      isNarrow: true,
      title,
      description,
      x: 'Epoch',
      y,
      series: refined.map((one) => ({ name: one.loss, label: recipeLabel(one.loss), values: values(one) })),
    });
  return chartGrid([
    chart('Dev nDCG@10', 'Before training and after each epoch.', 'Dev nDCG@10', (one) =>
      one.training.history.map(({ dev }) => dev),
    ),
    chart(
      'Separation',
      'Lowest positive less highest negative probability among the ten best: Figure 3 (a, b) of the paper.',
      'Separation',
      (one) => one.behaviour.map(({ separation }) => separation),
    ),
    chart(
      'Entropy',
      'Entropy of the probabilities of the positives, in nats: Figure 3 (c, d) of the paper.',
      'Entropy',
      (one) => one.behaviour.map(({ entropy }) => entropy),
    ),
  ]);
}

/** Options that are shown elsewhere on the page, or are not settings of the training. */
const NO_SETTINGS = [
  ...['student', 'seed', 'checkpointEvery', 'keepsStudent', 'warmup'],
  // Files, which the command line names.
  ...['data', 'teacher', 'checkpoint', 'resume'],
  ...['queryEmbeddings', 'documentEmbeddings', 'queryIds', 'documentIds'],
];

/** The settings of a training in words: "warmup epochs 2". */
function settingsOf(options: RefineOptions): string[] {
  const inWords = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return Object.entries({ ...options, ...options.adapter }).flatMap(([name, value]) => {
    if (NO_SETTINGS.includes(name) || (name === 'folds' && value === 0)) return [];
    if (value === true) return [inWords(name)];
    return typeof value === 'number' || typeof value === 'string' ? [`${inWords(name)} ${value}`] : [];
  });
}

function methodOf(
  { teacherTemperature }: RefineResult,
  { options, args, made }: RefinementContext,
): [string, string][] {
  const { warmup, losses, zeroShot = [] } = options;
  return [
    ['Collection', [options.data, ...zeroShot].map(nameOf).join('; zero-shot: ')],
    ['Student', studentTitle(options)],
    [
      'Losses',
      losses.map((loss) => recipeTitle(typeof loss === 'string' ? loss : titleOfLoss(loss))).join(', '),
    ],
    ['Warm-up', warmup ? recipeTitle(titleOfLoss(warmup)) : 'none'],
    ['Options', settingsOf(options).join(', ')],
    ['Teacher’s scores', `divided by ${Number(teacherTemperature.toPrecision(3))}`],
    ['Seed', String(options.seed)],
    ['Date', made.date],
    [
      'Version',
      `ckl-loss ${PACKAGE_VERSION}${made.commit ? `, commit ${made.commit}` : ''}; Node ${made.node}`,
    ],
    ['Machine', `${made.machine}; ${made.seconds} s, at most ${made.peakMiB} MiB`],
    ['Command', commandLine(['refine', ...args])],
  ];
}
