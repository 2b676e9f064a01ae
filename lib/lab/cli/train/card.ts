// The folder that `ckl-loss train --save` writes: the trained reranker with its model card.
import { nameOf } from '../../experiment/data.js';
import { formatModel, formatTestQueries } from '../../students/saved/model-files.js';
import type { JobOptions, JobResult } from '../../train/job.js';
import { titleOfLoss } from '../../training/loss-sum.js';
import { MEASURES } from '../../training/rerank.js';
import { columnTitle } from '../../report/words.js';
import { AGAINST_START, dataLines, lossText, modelCard, testLines, trainingLines } from '../model-card.js';
import { measureText } from '../table.js';

/** The files by name. */
export function rerankerFiles(
  result: JobResult,
  options: JobOptions,
  args: readonly string[],
): Record<string, string | Uint8Array> {
  return {
    ...formatModel(result.content),
    ...formatTestQueries(result.after.queries),
    'README.md': cardOf(result, options, args),
  };
}

function cardOf(result: JobResult, asked: JobOptions, args: readonly string[]): string {
  const { data, options, training, before, after, teacher, bm25, tests, weights } = result;
  const name = nameOf(asked.data);
  const loss = titleOfLoss(options.loss);
  const rows = Object.entries({ start: before, 'this student': after, teacher, BM25: bm25 });
  return modelCard({
    title: `Linear reranker, trained on ${name} with ${loss}`,
    about: `Scores a candidate document by a weighted sum of ${Object.keys(weights).length} lexical features, such as BM25 and word pairs.`,
    data: dataLines(`${name}: ${data.documents} documents`, data, asked),
    recipe: trainingLines({
      ...training,
      loss: lossText(loss, options),
      interrupted: training.stopped === 'interrupted',
      batch: `${options.batch} queries`,
      rate: options.learningRate,
      teacherTemperature: options.teacherTemperature,
      seed: options.seed,
    }),
    command: ['train', ...args],
    measures: [
      ['', 'nDCG@10', 'MRR@10'],
      ...rows.map(([title, { mean }]) => [title, ...MEASURES.map((measure) => measureText(mean[measure]))]),
    ],
    notes: [
      `Means over ${data.test} test queries, the teacher's candidates of each reranked.`,
      ...testLines(
        AGAINST_START,
        tests.map(({ measure, meanDifference, pHolm }) => ({
          title: columnTitle(measure),
          difference: meanDifference,
          p: pHolm,
        })),
      ),
    ],
    limits: [
      'It was trained and measured on the candidates of the teacher: ranking a whole corpus with it is slow, and was not measured.',
      'It sees words alone, cut as English has them.',
    ],
  });
}
