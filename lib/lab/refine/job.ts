// The refinement job: one student, several losses, the same start; what each of them makes of it, on held-out queries.
import { compare, holm, type Comparison, type Evaluation } from '../../metrics/index.js';
import { corrupt, type Corruption } from '../training/corrupt.js';
import { distil, type Distilled, type DistilOptions, type Progress } from '../training/distil.js';
import { measure, runOf, scoresOf } from '../training/rerank.js';
import { titleOfLoss, type TrainingLoss } from '../training/loss-sum.js';
import { foldLists, splitLists, type Split } from '../training/split.js';
import { teacherDeviation } from '../students/linear/standardise.js';
import { loadCollection, type BagList, type Collection } from '../students/words/bags.js';
import { behaviourOn, type Behaviour } from './behaviour.js';
import { loadTasks, type SearchTask } from '../compare/data.js';
import { dataDigest } from './data-digest.js';
import { pool, type FoldResult } from './folds.js';
import { crossPositives, draw, shorten } from './shorten.js';
import { makeStudent, negativesOf, type StudentOptions } from '../students/students.js';
import { Trainings, type CheckpointOptions } from './trainings.js';

export interface RefineOptions
  extends
    Omit<DistilOptions, 'loss' | 'teacherTemperature' | 'refreshRanks'>,
    Corruption,
    StudentOptions,
    CheckpointOptions {
  data: string;
  teacher: string;
  /** The first is compared with each of the others. */
  losses: readonly TrainingLoss[];
  /** Training documents a query: the positives and the teacher's best others. */
  docs: number;
  /** Which others of a training list an epoch takes: the teacher's best, or drawn anew. Default: best for dense, drawn for the rest. */
  negatives?: 'best' | 'drawn';
  /** A first training with this loss, from which all others start; its epochs and learning rate are the others' where not given. */
  warmup?: TrainingLoss;
  warmupEpochs?: number;
  warmupRate?: number;
  /** Weight of a loss over in-batch negatives; 0 or left out: none. */
  inBatchWeight?: number;
  /** How many documents a refresh of the ranks evaluates, the teacher's best with the positives. Default: `docs`. */
  refreshDepth?: number;
  /** BEIR folders that the student is measured on without having learned from them. */
  zeroShot?: readonly string[];
  /** 0 or left out: the folder's own test split. Else so many folds, each query tested once. */
  folds?: number;
  /** Leave out lines that cannot be read, and count them. */
  skipBad?: boolean;
  /** Default: 0.7 times the standard deviation of the teacher's scores within lists. */
  teacherTemperature?: number;
  /** Default: one epoch's batches. */
  refreshRanks?: number;
}

const TEMPERATURE_SHARE = 0.7;
/** How many documents full retrieval brings. */
const DEPTH = 100;

/** A student as measured on the test queries. */
export interface Measured {
  /** Its ranking of the teacher's candidates. */
  rerank: Evaluation;
  /** Its ranking of the whole corpus. */
  full: Evaluation;
  /** Its ranking of the whole corpus of other collections, by name. */
  zeroShot: Record<string, Evaluation>;
}

export interface Refined extends Measured {
  /** As {@link titleOfLoss} writes it. */
  loss: string;
  training: Distilled;
  /** On dev, before training and after each epoch: Figure 3 of the paper. */
  behaviour: Behaviour[];
}

export interface RefineResult {
  data: {
    documents: number;
    words: number;
    train: number;
    dev: number;
    test: number;
    unusable: number;
    skipped: number;
  };
  /** How many folds the queries were tested in; absent for the folder's own split. */
  folds?: number;
  teacherTemperature: number;
  teacher: Evaluation;
  start: Measured;
  /** After the warm-up, where there was one; not in a run that was resumed later than that. */
  warmup?: Refined;
  refined: Refined[];
  /** The first loss against each other one, and against the start; p corrected by Holm over all of them. */
  comparisons: (Comparison & { setting: 'rerank' | 'full'; against: string })[];
}

export interface RefineHooks {
  onData?: (data: RefineResult['data']) => void;
  onLoss?: (loss: string) => void;
  onProgress?: (progress: Progress) => void;
  /** After each epoch, with what the paper's Figure 3 plots. */
  onEpoch?: (progress: Progress, behaviour: Behaviour) => void;
  signal?: AbortSignal;
}

/**
 * Refines a student with each loss in turn.
 *
 * @throws DataError for bad files, RangeError for options that a loss refuses, CheckpointError for a checkpoint that is
 * damaged or of another run
 */
export async function refine(options: RefineOptions, hooks: RefineHooks = {}): Promise<RefineResult> {
  const { folds = 0 } = options;
  if (folds > 0 && (options.checkpoint || options.resume))
    throw new RangeError(`a checkpoint is of a run on one split, not of ${folds} folds`);
  let skipped = 0;
  const reading = { skipBad: options.skipBad, onSkip: () => skipped++ };
  const collection = await loadCollection(options.data, options.teacher, reading);
  const tasks = await loadTasks(options.zeroShot ?? [], collection.numbers, reading);
  const splits =
    folds > 0 ? foldLists(collection, folds, options.seed) : [splitLists(collection, options.seed)];
  const results: FoldResult[] = [];
  for (const split of splits) {
    if (results.length > 0 && hooks.signal?.aborted) break;
    results.push(await refineSplit(collection, split, tasks, skipped, options, hooks));
  }
  const all = pool(results);
  return {
    ...all,
    ...(folds > 0 && { folds: results.length }),
    comparisons: compareAll(all.start, all.refined),
  };
}

/** Refines the student with each loss on one way to part the queries. */
async function refineSplit(
  collection: Collection,
  { train, dev, test, qrels, unusable }: Split<BagList>,
  tasks: readonly SearchTask[],
  skipped: number,
  options: RefineOptions,
  hooks: RefineHooks,
): Promise<FoldResult> {
  const data = {
    documents: collection.docids.length,
    words: collection.vocabulary,
    train: train.length,
    dev: dev.length,
    test: test.length,
    unusable,
    skipped,
  };
  hooks.onData?.(data);
  const teacherTemperature = options.teacherTemperature ?? (TEMPERATURE_SHARE * teacherDeviation(train) || 1);
  const spoilt = corrupt(train, options, options.seed);
  const drawn = (options.negatives ?? negativesOf(options.student ?? 'dense')) === 'drawn';
  const lists = drawn ? spoilt : spoilt.map((list) => shorten(list, options.docs));
  const queries = new Map(test.map((list) => [list.qid, list.query]));
  const pipeline = makeStudent(collection, collection.numbers.size, options);
  const measured = (): Measured => ({
    rerank: measure(runOf(test, scoresOf(pipeline.parts.at(-1)!.student)), qrels),
    full: measure(pipeline.search(collection, queries, DEPTH), qrels),
    zeroShot: Object.fromEntries(
      tasks.map((task) => [task.name, measure(pipeline.search(task, task.queries, DEPTH), task.qrels)]),
    ),
  });
  const start = measured();
  const trainings = await Trainings.begin(pipeline, options, dataDigest(collection));
  const refineWith = async (loss: TrainingLoss, more: Partial<DistilOptions>): Promise<Refined> => {
    hooks.onLoss?.(titleOfLoss(loss));
    const trained: Pick<Refined, 'training' | 'behaviour'>[] = [];
    for (const { student } of pipeline.parts) {
      if (hooks.signal?.aborted && trained.length > 0) break;
      const one = await trainings.run(
        student,
        () => behaviourOn(student, dev),
        (also) =>
          distil(
            student,
            {
              train: lists,
              dev,
              qrels,
              sample: drawn ? (list, random) => draw(list, options.docs, random) : undefined,
              ranked: spoilt.map((list) => shorten(list, options.refreshDepth ?? options.docs)),
              inBatch: options.inBatchWeight
                ? { weight: options.inBatchWeight, lists: crossPositives }
                : undefined,
            },
            {
              ...options,
              loss,
              teacherTemperature,
              refreshRanks: options.refreshRanks ?? Math.ceil(train.length / options.batch),
              ...more,
            },
            {
              signal: hooks.signal,
              onProgress: hooks.onProgress,
              ...also,
              onEpoch: (progress) => {
                const behaviour = also.onEpoch();
                hooks.onEpoch?.(progress, behaviour);
              },
            },
          ),
      );
      trained.push(one);
    }
    return { loss: titleOfLoss(loss), ...trained.at(-1)!, ...measured() };
  };

  let warmup: Refined | undefined;
  if (options.warmup) {
    warmup = await refineWith(options.warmup, {
      epochs: options.warmupEpochs ?? options.epochs,
      learningRate: options.warmupRate ?? options.learningRate,
    });
    // The parameters are those of the checkpoint, not the warm-up's.
    if (trainings.resumedBeyond(pipeline.parts.length)) warmup = undefined;
  }
  const restore = pipeline.parts.map(({ student }) => student.save());
  const refined: Refined[] = [];
  for (const [i, loss] of options.losses.entries()) {
    if (hooks.signal?.aborted) break;
    // The trainings of a resumed run may stand further than here already.
    if (i > 0) restore.forEach((back) => back());
    refined.push(await refineWith(loss, {}));
  }
  const teacher = measure(
    runOf(test, (list) => list.teacher),
    qrels,
  );
  return { data, teacherTemperature, teacher, start, warmup, refined };
}

/** The first loss against the start and against every other loss, in both settings; one family of tests for Holm. */
function compareAll(start: Measured, [first, ...others]: readonly Refined[]): RefineResult['comparisons'] {
  if (!first || start.rerank.queries.length < 2) return [];
  const rivals = [
    { name: 'start', measured: start },
    ...others.map((other) => ({ name: other.loss, measured: other })),
  ];
  const tests = (['rerank', 'full'] as const).flatMap((setting) =>
    rivals.flatMap(({ name, measured }) =>
      compare(first[setting], measured[setting]).map((test) => ({ ...test, setting, against: name })),
    ),
  );
  const corrected = holm(tests.map((test) => test.p));
  return tests.map((test, i) => ({ ...test, pHolm: corrected[i] }));
}
