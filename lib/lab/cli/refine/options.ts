// The options of `ckl-loss refine`: their names, ranges, defaults and help.
import { losses } from '../../../index.js';
import type { RefineOptions } from '../../refine/job.js';
import { STUDENT_NAMES } from '../../students/students.js';
import { titleOfLoss, type TrainingLoss } from '../../training/loss-sum.js';
import { readData, type DataArguments } from '../data-options.js';
import { MOST, numberReader, readLoss, readTraining, TRAINING_OPTIONS } from '../training-options.js';
import { parseOptions, readChoice, UsageError } from '../usage.js';

export const REFINE_HELP = `ckl-loss refine: refine a retriever with one or more losses, from the same start, and compare them

  ckl-loss refine [--data DIR --teacher FILE] [options]

A student starts from latent semantic analysis of the corpus: dense turns a text into one vector and ranks by cosine, multi matches each
word of a query with the best of the document (late interaction), sparse weighs and expands terms, two-stage has multi rerank what a first
stage brings. Measured on held-out queries: the teacher's candidates reranked, and full retrieval.

  --data DIR                  a BEIR folder: corpus.jsonl, queries.jsonl, qrels (default: the bundled sample)
  --teacher FILE              the teacher's scores: a TREC run, or a form of \`ckl-loss convert\`, told by its first line
  --skip-bad                  leave out lines that cannot be read, and count them
  --student NAME              ${STUDENT_NAMES.join(', ')} (default: dense)
  --first-stage NAME          of two-stage: bm25 or sparse, which then learns too (default: bm25)
  --candidates N              of two-stage: what the first stage brings a query (default: 100)
  --query-flops X --document-flops X   weights of the sparse student's FLOPS in the loss (default: 0.001)
  --loss NAME                 the same as --losses with one loss; or a weighted sum: kl:1,marginMse:0.05
  --losses LIST               of ${Object.keys(losses).join(', ')}, and sums as kl:1+nll:0.5;
                              the first is compared with the others (default: ckl,kl,nll)
  --gamma X --alpha X         of ckl (default: 5 and 1)
  --lambda X --nll-weight X   of bkl and of klLogL
  --curriculum NAME           of lambdaMrr, where its relevance comes from: cl-drd (the teacher's ranks in three stages), last-stage
                              or labels (default: cl-drd)
  --teacher-temperature T     divides the teacher's scores (default: 0.7 times their standard deviation within lists)
  --warmup NAME               a first training with this loss, from which all others start
  --warmup-epochs N --warmup-rate X   of that training (default: as --epochs and --learning-rate)
  --in-batch X                adds X times the likelihood of the positives among those of the batch's other queries (default: 0)
  --negatives best|drawn      of a training list: the teacher's best, or drawn anew each epoch (default: best for dense, else drawn)
  --refresh-depth N           documents a query that a refresh of the ranks evaluates (default: as --docs)
  --refresh-ranks N           of ckl: batches between two refreshes of the ranks behind beta (default: one epoch)
  --docs N                    documents of a training list: positives and the teacher's best others (default: 33)
  --width N                   length of the vectors, a multiple of 4 (default: 128)
  --epochs N                  at most (default: 6)
  --patience N                epochs without a better dev nDCG@10 before it stops (default: 3)
  --batch N                   queries a batch (default: 16)
  --learning-rate X           of Adam, decaying to a tenth (default: 0.003)
  --rise X                    share of the steps over which the learning rate rises to its peak (default: 0)
  --folds K                   cross-validation: every query is tested in one of K folds (default: 0, the folder's test split)
  --zero-shot DIR             another BEIR folder to measure the student on; may be repeated
  --checkpoint FILE           written after each epoch and on Ctrl-C: with one loss, where the run stands
  --checkpoint-every N        and after so many batches
  --resume FILE               goes on from a checkpoint; the other options must be the same
  --seed N                    the same seed gives the same students, bit by bit (default: 1)
  --wrong-teacher SHARE       of the training lists get their teacher scores dealt out anew (0 to 1, default: 0)
  --wrong-labels SHARE        of the training lists get their positives moved (0 to 1, default: 0)
  --json FILE                 all of it as JSON
  --html FILE                 a page with the tables and the figures of the paper; needs the packages
                              @observablehq/plot and linkedom
  --help

Ctrl-C ends the training and reports on what was reached.
`;

const text = { type: 'string' } as const;
const OPTIONS = {
  ...TRAINING_OPTIONS,
  student: text,
  'first-stage': text,
  candidates: text,
  'query-flops': text,
  'document-flops': text,
  losses: text,
  warmup: text,
  'warmup-epochs': text,
  'warmup-rate': text,
  'in-batch': text,
  negatives: text,
  'refresh-depth': text,
  folds: text,
  rise: text,
  'zero-shot': { type: 'string', multiple: true },
  checkpoint: text,
  'checkpoint-every': text,
  resume: text,
  width: text,
  html: text,
} as const;

/** One loss or sum, or a list by commas whose sums have + between their terms; each once. */
function readLosses(one: string | undefined, list: string | undefined): TrainingLoss[] {
  if (one !== undefined && list !== undefined)
    throw new UsageError('--loss and --losses are one or the other');
  if (one?.includes(':')) return [readLoss('loss', one)];
  const all = (list ?? one ?? 'ckl,kl,nll').split(',').map((name) => readLoss('losses', name));
  return [...new Map(all.map((loss) => [titleOfLoss(loss), loss])).values()];
}

/** An option that nothing at hand reads would be a silent mistake. */
function checkOwners(values: Partial<Record<keyof typeof OPTIONS, unknown>>): void {
  const twoStage = values.student === 'two-stage';
  const sparse = values.student === 'sparse' || (twoStage && values['first-stage'] === 'sparse');
  const owners = [
    ['--student two-stage', twoStage, ['first-stage', 'candidates']],
    ['--student sparse or --first-stage sparse', sparse, ['query-flops', 'document-flops']],
    ['--warmup', values.warmup !== undefined, ['warmup-epochs', 'warmup-rate']],
    ['--checkpoint', values.checkpoint !== undefined, ['checkpoint-every']],
  ] as const;
  for (const [owner, isThere, options] of owners) {
    const idle = options.find((option) => values[option] !== undefined);
    if (idle && !isThere) throw new UsageError(`--${idle} does nothing without ${owner}`);
  }
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
  const values = parseOptions(args, OPTIONS);
  if (values.help) return undefined;
  checkOwners(values);
  const number = numberReader(values);
  const choice = <T extends string>(name: 'student' | 'first-stage' | 'negatives', choices: readonly T[]) =>
    values[name] === undefined ? undefined : readChoice(name, values[name], choices);
  const wanted = readLosses(values.loss, values.losses);
  const warmup = values.warmup === undefined ? undefined : readLoss('warmup', values.warmup);
  const folds = number('folds', 0, true) ?? 0;
  if (folds === 1) throw new UsageError('--folds takes 0 or at least 2, not 1');
  const width = number('width', 4, true) ?? 128;
  if (width % 4 !== 0) throw new UsageError(`--width takes a multiple of 4, not ${width}`);
  const where = readData(values);
  const options = {
    data: where.data,
    teacher: where.teacher,
    student: choice('student', STUDENT_NAMES) ?? 'dense',
    firstStage: choice('first-stage', ['bm25', 'sparse']),
    candidates: number('candidates', 1, true),
    queryFlops: number('query-flops', 0),
    documentFlops: number('document-flops', 0),
    losses: wanted,
    warmup,
    folds,
    warmupEpochs: number('warmup-epochs', 1, true),
    warmupRate: number('warmup-rate', 1e-9),
    inBatchWeight: number('in-batch', 0),
    negatives: choice('negatives', ['best', 'drawn']),
    refreshDepth: number('refresh-depth', 2, true),
    rise: number('rise', 0, false, 1),
    zeroShot: values['zero-shot'],
    checkpoint: values.checkpoint,
    checkpointEvery: number('checkpoint-every', 1, true),
    resume: values.resume,
    docs: number('docs', 2, true, MOST) ?? 33,
    width,
    ...readTraining(values, [...wanted, ...(warmup ? [warmup] : [])], {
      epochs: 6,
      patience: 3,
      learningRate: 0.003,
    }),
  };
  return { where, options, json: values.json, html: values.html };
}
