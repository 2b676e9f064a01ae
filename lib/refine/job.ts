// The refinement job: one student, several losses, the same start; what each of them makes of it, on held-out queries.
import type { LossName } from '../index.js';
import { compare, holm, type Comparison, type Evaluation } from '../metrics/index.js';
import { corrupt, type Corruption } from '../train/corrupt.js';
import { distil, type Distilled, type DistilOptions, type Progress } from '../train/distil.js';
import { measure, runOf, scoresOf } from '../train/rerank.js';
import { splitLists } from '../train/split.js';
import { teacherDeviation } from '../train/standardise.js';
import { loadCollection } from './bags.js';
import { behaviourOn, type Behaviour } from './behaviour.js';
import { loadTask, type SearchTask } from './compare-data.js';
import { crossPositives, draw, shorten } from './shorten.js';
import { makeStudent, negativesOf, type StudentOptions } from './students.js';
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
  losses: readonly LossName[];
  /** Training documents a query: the positives and the teacher's best others. */
  docs: number;
  /** Which others of a training list an epoch takes: the teacher's best, or drawn anew. Default: best for dense, drawn for the rest. */
  negatives?: 'best' | 'drawn';
  /** A first training with this loss, from which all others start; its epochs and learning rate are the others' where not given. */
  warmup?: LossName;
  warmupEpochs?: number;
  warmupRate?: number;
  /** Weight of a loss over in-batch negatives; 0 or left out: none. */
  inBatchWeight?: number;
  /** How many documents a refresh of the ranks evaluates, the teacher's best with the positives. Default: `docs`. */
  refreshDepth?: number;
  /** BEIR folders that the student is measured on without having learned from them. */
  zeroShot?: readonly string[];
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
  loss: LossName;
  training: Distilled;
  /** On dev, before training and after each epoch: Figure 3 of the paper. */
  behaviour: Behaviour[];
}

export interface RefineResult {
  data: { documents: number; words: number; train: number; dev: number; test: number; unusable: number };
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
  onLoss?: (loss: LossName) => void;
  onProgress?: (progress: Progress) => void;
  onEpoch?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/**
 * Refines a student with each loss in turn.
 *
 * @throws DataError for bad files, RangeError for options that a loss refuses, CheckpointError for a checkpoint that is
 * damaged or of another run
 */
export async function refine(options: RefineOptions, hooks: RefineHooks = {}): Promise<RefineResult> {
  const collection = await loadCollection(options.data, options.teacher);
  const { train, dev, test, qrels, unusable } = splitLists(collection, options.seed);
  const tasks: SearchTask[] = [];
  for (const dir of options.zeroShot ?? []) tasks.push(await loadTask(dir, collection.numbers));
  const data = {
    documents: collection.docids.length,
    words: collection.vocabulary,
    train: train.length,
    dev: dev.length,
    test: test.length,
    unusable,
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
  const trainings = await Trainings.begin(pipeline, options);
  const refineWith = async (loss: LossName, more: Partial<DistilOptions>): Promise<Refined> => {
    hooks.onLoss?.(loss);
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
                also.onEpoch();
                hooks.onEpoch?.(progress);
              },
            },
          ),
      );
      trained.push(one);
    }
    return { loss, ...trained.at(-1)!, ...measured() };
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
  return {
    data,
    teacherTemperature,
    teacher,
    start,
    warmup,
    refined,
    comparisons: compareAll(start, refined),
  };
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
