// The options of `ckl-loss refine`: their names, ranges, defaults and help.
import type { RefineOptions } from '../../refine/job.js';
import { STUDENT_NAMES } from '../../students/students.js';
import type { RecipeChoice } from '../../experiment/recipes.js';
import type { TrainingLoss } from '../../training/loss-sum.js';
import { checkOwners, choice, commandTable, number, parsed } from '../command.js';
import { readData, type DataArguments } from '../data-options.js';
import { ADAPTER_OPTION_NAMES, adapterOptions, readAdapter, refuseForAdapter } from '../embedding-options.js';
import {
  checkLossOwners,
  checkPositionOwners,
  checkRunOwners,
  checkSaveOwners,
  dataOptions,
  folds,
  htmlOption,
  jsonOption,
  logOption,
  listOptions,
  lossesOf,
  lossOption,
  lossOptions,
  positionOptions,
  rateOptions,
  runOption,
  saveOption,
  severalLosses,
  spoilOptions,
  temperatureOptions,
  trainingOptions,
  warmupOptions,
  zeroShot,
} from '../experiment-options.js';
import { identicalIds, readIdenticalIds } from '../identical-ids.js';
import { readNumber, UsageError } from '../usage.js';

const REFINED_STUDENTS = [...STUDENT_NAMES, 'adapter'] as const;
const FIRST_STAGES = ['bm25', 'sparse'] as const;
const NEGATIVES = ['best', 'drawn'] as const;

export const REFINE_OPTIONS = commandTable(
  `ckl-loss refine: refine a retriever with one or more losses, from the same start, and compare them

  ckl-loss refine [--data DIR --teacher FILE] [options]

A student starts from latent semantic analysis of the corpus: dense turns a text into one vector and ranks by cosine, multi
matches each word of a query with the best word of the document (late interaction), sparse weights and expands terms, and
two-stage reranks with multi what a first stage retrieves. An adapter is a learned linear map of any encoder's vectors.
On held-out queries, the command measures how the student reranks the teacher's candidates and how it searches all documents.
It compares the first loss with the start and with every other loss. Ctrl-C ends the training and reports the result so far.`,
  {
    Data: { ...dataOptions, ...identicalIds, ...zeroShot, ...folds, ...listOptions },
    Student: {
      student: choice('one of {}', REFINED_STUDENTS, 'dense'),
      'first-stage': choice(
        'two-stage: bm25, or sparse, which is then trained too (default: bm25)',
        FIRST_STAGES,
      ),
      candidates: number(
        'two-stage: number of documents that the first stage retrieves per query (default: 100)',
        {
          min: 1,
          whole: true,
        },
      ),
      'query-flops': number("weight of the sparse student's query FLOPS in the loss (default: 0.001)", {
        min: 0,
      }),
      'document-flops': number("weight of the sparse student's document FLOPS (default: 0.001)", {
        min: 0,
      }),
      width: parsed('N', 'length of the vectors, a multiple of 4', readWidth, '128'),
    },
    'Student adapter': adapterOptions,
    Loss: {
      ...severalLosses('(default: ckl,kl,nll)'),
      ...lossOption('(default: those of --losses)'),
      ...lossOptions,
      ...temperatureOptions(0.7),
      'refresh-depth': number(
        'ckl: number of documents per query that a refresh of the ranks scores (default: --docs)',
        {
          min: 2,
          whole: true,
        },
      ),
      'in-batch': number(
        "adds X times the negative log-likelihood of each query's positives among all positives of the batch (default: 0)",
        { min: 0 },
      ),
    },
    Training: {
      ...warmupOptions('none', '--epochs'),
      'warmup-rate': number('its learning rate (default: --learning-rate)', { min: 1e-9 }),
      ...trainingOptions({ epochs: 6 }),
      ...rateOptions({ patience: 3, learningRate: 0.003 }),
      rise: number('share of the steps in which the learning rate rises to its peak (default: 0)', {
        min: 0,
        max: 1,
      }),
      negatives: choice(
        "negatives of a training list: best takes the teacher's best, drawn redraws them each epoch (default: best for dense and adapter, otherwise drawn)",
        NEGATIVES,
      ),
    },
    'Counter-tests': spoilOptions({ wrongTeacher: 0, wrongLabels: 0 }),
    Output: {
      ...saveOption,
      ...positionOptions,
      ...logOption,
      ...runOption,
      ...jsonOption,
      ...htmlOption,
    },
  },
);

function readWidth(name: string, given: string): number {
  const width = readNumber(name, given, { min: 4, whole: true })!;
  if (width % 4 !== 0) throw new UsageError(`--${name} takes a multiple of 4, not ${width}`);
  return width;
}

function oneOrSeveral(
  loss: TrainingLoss | undefined,
  losses: RecipeChoice[] | undefined,
): readonly RecipeChoice[] {
  if (loss !== undefined && losses !== undefined)
    throw new UsageError('--loss and --losses exclude each other');
  return loss === undefined ? (losses ?? ['ckl', 'kl', 'nll']) : [loss];
}

export interface RefineArguments {
  where: DataArguments;
  options: RefineOptions;
  json?: string;
  html?: string;
  save?: string;
  log?: string;
  run?: string;
}

/**
 * @returns undefined when help was asked for
 * @throws UsageError
 */
export function readRefineArguments(args: string[]): RefineArguments | undefined {
  const values = REFINE_OPTIONS.read(args);
  if (!values) return undefined;
  const { given, student, warmup, json, html, save, log, run } = values;
  const sparse = student === 'sparse' || (student === 'two-stage' && values['first-stage'] === 'sparse');
  checkOwners(given, [
    ['--student two-stage', student === 'two-stage', ['first-stage', 'candidates']],
    ['--student sparse or --first-stage sparse', sparse, ['query-flops', 'document-flops']],
    ['--warmup', warmup !== undefined, ['warmup-epochs', 'warmup-rate']],
    ['--student adapter', student === 'adapter', ADAPTER_OPTION_NAMES],
  ]);
  if (student === 'adapter') refuseForAdapter(given);
  checkPositionOwners(given);
  checkSaveOwners(given, values.folds);
  checkRunOwners(given);
  const losses = oneOrSeveral(values.loss, values.losses);
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
    ...(values.microbatches !== undefined && { microbatches: values.microbatches }),
    learningRate: values['learning-rate'],
    seed: values.seed,
    wrongTeacher: given.has('wrong-teacher') ? values['wrong-teacher'] : undefined,
    wrongLabels: given.has('wrong-labels') ? values['wrong-labels'] : undefined,
    level: values.level,
    identicalIds: readIdenticalIds(values),
    skipBad: values['skip-bad'],
    ...(student === 'adapter' && { adapter: readAdapter(values) }),
    ...(save !== undefined && { keepsStudent: true }),
  };
  return { where, options, json, html, save, log, run };
}
