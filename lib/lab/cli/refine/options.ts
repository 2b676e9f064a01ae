// The options of `ckl-loss refine`: their names, ranges, defaults and help.
import type { RefineOptions } from '../../refine/job.js';
import { STUDENT_NAMES } from '../../students/students.js';
import { titleOfLoss, TRAINING_LOSSES, type TrainingLoss } from '../../training/loss-sum.js';
import { checkOwners, choice, commandTable, list, number, parsed } from '../command.js';
import { readData, type DataArguments } from '../data-options.js';
import {
  checkLossOwners,
  checkPositionOwners,
  dataOptions,
  folds,
  htmlOption,
  jsonOption,
  listOptions,
  lossesOf,
  lossOptions,
  positionOptions,
  rateOptions,
  readLoss,
  spoilOptions,
  temperatureOptions,
  trainingOptions,
  warmupOptions,
  zeroShot,
} from '../experiment-options.js';
import { readNumber, UsageError } from '../usage.js';

const FIRST_STAGES = ['bm25', 'sparse'] as const;
const NEGATIVES = ['best', 'drawn'] as const;

export const REFINE_OPTIONS = commandTable(
  `ckl-loss refine: refine a retriever with one or more losses, from the same start, and compare them

  ckl-loss refine [--data DIR --teacher FILE] [options]

A student starts from latent semantic analysis of the corpus: dense turns a text into one vector and ranks by cosine, multi
matches each word of a query with the best of the document (late interaction), sparse weighs and expands terms, two-stage has
multi rerank what a first stage retrieves. Measured on held-out queries: the teacher's candidates reranked, and full retrieval.
Ctrl-C ends the training and reports on what was reached.`,
  {
    Data: { ...dataOptions, ...zeroShot, ...folds, ...listOptions },
    Student: {
      student: choice('one of {}', STUDENT_NAMES, 'dense'),
      'first-stage': choice(
        'of two-stage: bm25, or sparse, which then learns too (default: bm25)',
        FIRST_STAGES,
      ),
      candidates: number('of two-stage: documents that the first stage retrieves per query (default: 100)', {
        min: 1,
        whole: true,
      }),
      'query-flops': number("weight of the sparse student's query FLOPS in the loss (default: 0.001)", {
        min: 0,
      }),
      'document-flops': number('weight of those of its documents (default: 0.001)', { min: 0 }),
      width: parsed('N', 'length of the vectors, a multiple of 4', readWidth, '128'),
    },
    Loss: {
      loss: parsed(
        'NAME',
        'the same as --losses with one loss; or a weighted sum: kl:1,marginMse:0.05',
        (_, given) => given,
      ),
      losses: list(
        'LIST',
        `of ${TRAINING_LOSSES.join(', ')}, and sums as kl:1+nll:0.5; the first is compared with the others (default: ckl,kl,nll)`,
        (_, given) => given.join(),
      ),
      ...lossOptions,
      ...temperatureOptions(0.7),
      'refresh-depth': number(
        'documents per query that a refresh of the ranks evaluates (default: as --docs)',
        {
          min: 2,
          whole: true,
        },
      ),
      'in-batch': number(
        "adds X times the likelihood of the positives among those of the batch's other queries (default: 0)",
        { min: 0 },
      ),
    },
    Training: {
      ...warmupOptions('none', 'as --epochs'),
      'warmup-rate': number('its learning rate (default: as --learning-rate)', { min: 1e-9 }),
      ...trainingOptions({ epochs: 6 }),
      ...rateOptions({ patience: 3, learningRate: 0.003 }),
      rise: number('of the steps pass while the learning rate rises to its peak (default: 0)', {
        min: 0,
        max: 1,
      }),
      negatives: choice(
        "of a training list: the teacher's best, or redrawn each epoch (default: best for dense, else drawn)",
        NEGATIVES,
      ),
    },
    'Counter-tests': spoilOptions({ wrongTeacher: 0, wrongLabels: 0 }),
    Output: { ...positionOptions, ...jsonOption, ...htmlOption },
  },
);

function readWidth(name: string, given: string): number {
  const width = readNumber(name, given, { min: 4, whole: true })!;
  if (width % 4 !== 0) throw new UsageError(`--${name} takes a multiple of 4, not ${width}`);
  return width;
}

/** One loss or sum, or a list by commas whose sums have + between their terms; each once. */
function readLosses(one: string | undefined, several: string | undefined): TrainingLoss[] {
  if (one !== undefined && several !== undefined)
    throw new UsageError('--loss and --losses are one or the other');
  if (one?.includes(':')) return [readLoss('loss', one)];
  const all = (several ?? one ?? 'ckl,kl,nll').split(',').map((name) => readLoss('losses', name));
  return [...new Map(all.map((loss) => [titleOfLoss(loss), loss])).values()];
}

export interface RefineArguments {
  where: DataArguments;
  options: RefineOptions;
  json?: string;
  html?: string;
}

/**
 * @returns undefined when help was asked for
 * @throws UsageError
 */
export function readRefineArguments(args: string[]): RefineArguments | undefined {
  const values = REFINE_OPTIONS.read(args);
  if (!values) return undefined;
  const { given, student, warmup, json, html } = values;
  const sparse = student === 'sparse' || (student === 'two-stage' && values['first-stage'] === 'sparse');
  checkOwners(given, [
    ['--student two-stage', student === 'two-stage', ['first-stage', 'candidates']],
    ['--student sparse or --first-stage sparse', sparse, ['query-flops', 'document-flops']],
    ['--warmup', warmup !== undefined, ['warmup-epochs', 'warmup-rate']],
  ]);
  checkPositionOwners(given);
  const losses = readLosses(values.loss, values.losses);
  checkLossOwners(given, [...losses, ...(warmup ? [warmup] : [])]);
  const where = readData(values);
  // In the order in which --json shows them.
  const options: RefineOptions = {
    data: where.data,
    teacher: where.teacher,
    student,
    firstStage: values['first-stage'],
    candidates: values.candidates,
    queryFlops: values['query-flops'],
    documentFlops: values['document-flops'],
    losses,
    warmup,
    folds: values.folds,
    warmupEpochs: values['warmup-epochs'],
    warmupRate: values['warmup-rate'],
    inBatchWeight: values['in-batch'],
    negatives: values.negatives,
    refreshDepth: values['refresh-depth'],
    rise: values.rise,
    zeroShot: values['zero-shot'],
    checkpoint: values.checkpoint,
    checkpointEvery: values['checkpoint-every'],
    resume: values.resume,
    docs: values.docs,
    width: values.width,
    ...lossesOf(values),
    teacherTemperature: values['teacher-temperature'],
    refreshRanks: values['refresh-ranks'],
    epochs: values.epochs,
    patience: values.patience,
    batch: values.batch,
    learningRate: values['learning-rate'],
    seed: values.seed,
    wrongTeacher: given.has('wrong-teacher') ? values['wrong-teacher'] : undefined,
    wrongLabels: given.has('wrong-labels') ? values['wrong-labels'] : undefined,
    skipBad: values['skip-bad'],
  };
  return { where, options, json, html };
}
