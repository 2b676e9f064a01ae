// What `ckl-loss train` prints and saves at its end.
import type { JobOptions, JobResult } from '../../train/job.js';
import { columnTitle } from '../../report/words.js';
import { titleOfLoss } from '../../training/loss-sum.js';
import { MEASURES } from '../../training/rerank.js';
import { differenceText, formatTable, measureText, pText } from '../table.js';

const ENDINGS = {
  finished: 'all epochs done',
  early: 'stopped: no better dev nDCG@10',
  interrupted: 'interrupted',
};

/** The report as text. */
export function reportJob({
  options,
  training,
  before,
  after,
  teacher,
  bm25,
  tests,
  weights,
  data,
}: JobResult): string {
  const rows = [
    ['', ...MEASURES.map(columnTitle)],
    ...Object.entries({ 'student before': before, 'student after': after, teacher, BM25: bm25 }).map(
      ([name, evaluation]) => [name, ...MEASURES.map((measure) => measureText(evaluation.mean[measure]))],
    ),
  ];
  const { loss, gamma, alpha, teacherTemperature } = options;
  const parameters = [
    gamma !== undefined && `gamma ${gamma}`,
    alpha !== undefined && `alpha ${alpha}`,
  ].filter(Boolean);
  const strongest = Object.entries(weights)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, 6)
    .map(([name, weight]) => `${name} ${weight.toFixed(2)}`);
  return [
    '',
    `${[titleOfLoss(loss), ...parameters].join(', ')}; teacher temperature ${Number(teacherTemperature.toPrecision(3))}; seed ${options.seed}`,
    `${ENDINGS[training.stopped]} after epoch ${training.history.length - 1}; weights of epoch ${training.bestEpoch} kept`,
    '',
    `${data.test} held-out queries, their candidates reranked:`,
    formatTable(rows),
    ...tests.map(
      ({ measure, meanDifference, p, pHolm }) =>
        `after - before: ${columnTitle(measure)} ${differenceText(meanDifference)}, paired t-test p ${pText(p)} (Holm ${pText(pHolm)})`,
    ),
    `strongest weights: ${strongest.join(', ')}`,
    '',
  ].join('\n');
}

/** The same and more, for --json. Everything but `seconds` is the same for the same data, options and seed. */
export function summariseJob(result: JobResult, { data, teacher }: JobOptions, milliseconds: number): object {
  const { options, training, tests, weights } = result;
  return {
    data: { path: data, teacher, ...result.data },
    options,
    training,
    test: {
      queries: result.after.queries,
      before: result.before.mean,
      after: result.after.mean,
      teacher: result.teacher.mean,
      bm25: result.bm25.mean,
      perQuery: mapValues(result.after.perQuery, (values) => [...values]),
    },
    tests,
    weights,
    seconds: milliseconds / 1000,
  };
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
