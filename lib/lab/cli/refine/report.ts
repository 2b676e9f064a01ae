// What `ckl-loss refine` prints and saves as JSON: a table of the losses, and their comparisons.
import type { RefineOptions, RefineResult } from '../../refine/job.js';
import { columnTitle } from '../../report/words.js';
import { differenceText, formatTable, measureText, pText } from '../table.js';

export const CAVEAT =
  'One start, one seed, one learning rate for all losses: a difference here is a hint. Seeds alone move results by about .01; ' +
  'search the learning rate of each loss on dev and repeat with other seeds before you believe one.';

/** CKL refines a model that already ranks; the paper warms up first. */
export const isCkl = (loss: string): boolean => /(^|\+)ckl/.test(loss);

export const NO_WARMUP =
  'ckl began at the untrained start here. The paper warms up first: --warmup kl (docs/guide/choosing-parameters.md).';

export const lacksWarmup = ({ warmup, refined }: RefineResult): boolean =>
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
      columnTitle(measure),
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

/**
 * The same and more, for --json; identical for a run that was interrupted and resumed and one that was not.
 */
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
