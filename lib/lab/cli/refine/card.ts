// The folder that `ckl-loss refine --save` writes: the chosen student with its model card.
import { basename } from 'node:path';
import { compare, holm } from '../../../metrics/index.js';
import { nameOf } from '../../experiment/data.js';
import type { RefineOptions, RefineResult } from '../../refine/job.js';
import type { Measured } from '../../refine/results.js';
import { studentFiles as modelFiles } from '../../refine/save.js';
import { formatTestQueries } from '../../students/saved/model-files.js';
import { titleOfLoss } from '../../training/loss-sum.js';
import { columnTitle } from '../../report/words.js';
import {
  AGAINST_START,
  dataLines,
  lossText,
  modelCard,
  retrieverLimits,
  testLines,
  trainingLines,
  type ModelCard,
} from '../model-card.js';
import { studentTitle, textsOf } from './words.js';
import { measureText } from '../table.js';

const SETTINGS = { rerank: "the teacher's candidates, reranked", full: 'all documents' } as const;

/** What an adapter is not. */
const ADAPTER_LIMITS = [
  'It maps vectors and makes none: without the encoder whose vectors it was trained on, it is of no use, and vectors of another encoder or version are not what it knows.',
  'The terms of use of that encoder hold for it, too.',
];

type Content = NonNullable<RefineResult['chosen']>['content'];

const aboutOf = (content: Content): string =>
  content.student === 'adapter'
    ? `Learned linear maps of the vectors of an encoder that stays as it is; they begin as the identity. ${
        content.sides === 'query'
          ? 'Queries alone are mapped: the vectors of documents, and an index of them, stay as they are.'
          : 'Queries and documents are mapped, each by a map of its own.'
      }`
    : 'A small retriever whose words start from latent semantic analysis of the collection.';

function vectorsOf(content: Content, { adapter }: RefineOptions): ModelCard['recipe'] {
  if (content.student !== 'adapter') return [['vectors', `${content.width} numbers`]];
  const { width, rank, similarity, late } = content;
  return [
    ['vectors', `${width} numbers${late ? ', one per token' : ''}, ${similarity}`],
    ['vectors of queries', basename(adapter!.queryEmbeddings)],
    ['vectors of documents', basename(adapter!.documentEmbeddings)],
    ['maps', rank === 0 ? 'full matrices' : `the identity plus rank ${rank}`],
  ];
}

/** The files by name. */
export function studentFiles(
  result: RefineResult,
  options: RefineOptions,
  args: readonly string[],
): Record<string, string | Uint8Array> {
  return {
    ...modelFiles(result.chosen!.content),
    ...formatTestQueries(result.start.full.queries),
    'README.md': cardOf(result, options, args),
  };
}

function cardOf(result: RefineResult, options: RefineOptions, args: readonly string[]): string {
  const { data, start, warmup, refined, teacher } = result;
  const { loss, dev, rate, content } = result.chosen!;
  const name = nameOf(options.data);
  const chosen = refined.find((one) => one.loss === loss)!;
  const { training } = chosen;
  const others = refined.filter((one) => one !== chosen).map((one) => one.loss);
  return modelCard({
    title: `${studentTitle(options)}, refined on ${name} with ${loss}`,
    about: aboutOf(content),
    data: [
      ...dataLines(`${name}: ${textsOf(data)}`, data, options),
      ...(options.wrongTeacher || options.wrongLabels
        ? ([['deliberately corrupted', 'a share of the training lists, see the command']] as const)
        : []),
    ],
    recipe: trainingLines({
      ...training,
      loss: lossText(loss, options),
      start: [
        ...(warmup ? ([['warm-up', titleOfLoss(options.warmup!)]] as const) : []),
        [
          'chosen by dev nDCG@10',
          `${measureText(dev)}${others.length > 0 ? `, before ${others.join(', ')}` : ''}`,
        ],
      ],
      interrupted: training.stopped === 'interrupted',
      batch: `${options.batch} queries, lists of ${options.docs} documents`,
      rate,
      teacherTemperature: result.teacherTemperature,
      student: vectorsOf(content, options),
      seed: options.seed,
    }),
    command: ['refine', ...args],
    measures: [
      ['', ...headOf(start)],
      ['start', ...cellsOf(start)],
      ...(warmup ? [['warm-up', ...cellsOf(warmup)]] : []),
      ['this student', ...cellsOf(chosen)],
      ['teacher', measureText(teacher.mean['ndcg@10']), measureText(teacher.mean['mrr@10'])],
    ].map((row, _, [head]) => [...row, ...Array<string>(head.length - row.length).fill('')]),
    notes: [
      `Means over ${data.test} test queries; rerank: ${SETTINGS.rerank}; full: ${SETTINGS.full}.`,
      ...testsOf(chosen, start),
    ],
    hasWords: content.student !== 'adapter',
    limits: content.student === 'adapter' ? ADAPTER_LIMITS : retrieverLimits(content.words.length),
  });
}

const headOf = ({ zeroShot }: Measured): string[] => [
  ...['rerank nDCG@10', 'rerank MRR@10', 'full nDCG@10', 'full MRR@10'],
  ...Object.keys(zeroShot).map((name) => `${name} nDCG@10`),
];

const cellsOf = ({ rerank, full, zeroShot }: Measured): string[] => [
  ...[rerank, full].flatMap(({ mean }) => [measureText(mean['ndcg@10']), measureText(mean['mrr@10'])]),
  ...Object.values(zeroShot).map(({ mean }) => measureText(mean['ndcg@10'])),
];

/** The student against its start. */
function testsOf(chosen: Measured, start: Measured): string[] {
  if (start.rerank.queries.length < 2) return [];
  const tests = (['rerank', 'full'] as const).flatMap((setting) =>
    compare(chosen[setting], start[setting]).map((test) => ({ ...test, setting })),
  );
  const corrected = holm(tests.map(({ p }) => p));
  return testLines(
    AGAINST_START,
    tests.map(({ setting, measure, meanDifference }, i) => ({
      title: `${setting} ${columnTitle(measure)}`,
      difference: meanDifference,
      p: corrected[i],
    })),
  );
}
