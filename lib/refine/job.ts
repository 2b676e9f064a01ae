// The refinement job: one student, several losses, the same start; what each of them makes of it, on held-out queries.
import type { LossName } from '../index.js';
import { compare, holm, type Comparison, type Evaluation } from '../metrics/index.js';
import { corrupt, type Corruption } from '../train/corrupt.js';
import { distil, type Distilled, type DistilOptions, type Progress } from '../train/distil.js';
import { measure, runOf, scoresOf } from '../train/rerank.js';
import { splitLists } from '../train/split.js';
import { teacherDeviation } from '../train/standardise.js';
import { loadCollection, type BagList } from './bags.js';
import { behaviourOn, type Behaviour } from './behaviour.js';
import { DenseStudent } from './dense-student.js';
import { retrieve } from './retrieve.js';
import { startVectors } from './word-vectors.js';

export interface RefineOptions
  extends Omit<DistilOptions, 'loss' | 'teacherTemperature' | 'refreshRanks'>, Corruption {
  data: string;
  teacher: string;
  /** The first is compared with each of the others. */
  losses: readonly LossName[];
  /** Training documents a query: the positives and the teacher's best others. */
  docs: number;
  /** Length of the vectors, even. */
  width: number;
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
  refined: Refined[];
  /** The first loss against each other one, and against the start; p corrected by Holm over all of them. */
  comparisons: (Comparison & { setting: keyof Measured; against: string })[];
}

export interface RefineHooks {
  onData?: (data: RefineResult['data']) => void;
  onLoss?: (loss: LossName) => void;
  onProgress?: (progress: Progress) => void;
  onEpoch?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/**
 * Refines a dense student with each loss in turn.
 *
 * @throws DataError for bad files, RangeError for options that a loss refuses
 */
export async function refine(options: RefineOptions, hooks: RefineHooks = {}): Promise<RefineResult> {
  const collection = await loadCollection(options.data, options.teacher);
  const { train, dev, test, qrels, unusable } = splitLists(collection, options.seed);
  const vectors = startVectors(collection.bags, collection.vocabulary, options.width, options.seed);
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
  const lists = corrupt(
    train.map((list) => shorten(list, options.docs)),
    options,
    options.seed,
  );
  const queries = new Map(test.map((list) => [list.qid, list.query]));
  const measured = (student: DenseStudent): Measured => ({
    rerank: measure(runOf(test, scoresOf(student)), qrels),
    full: measure(retrieve(student, collection, queries, DEPTH), qrels),
  });

  const start = measured(new DenseStudent(vectors.slice(), options.width));
  const refined: Refined[] = [];
  for (const loss of options.losses) {
    if (hooks.signal?.aborted) break;
    hooks.onLoss?.(loss);
    const student = new DenseStudent(vectors.slice(), options.width);
    const behaviour = [behaviourOn(student, dev)];
    const training = await distil(
      student,
      { train: lists, dev, qrels },
      {
        ...options,
        loss,
        teacherTemperature,
        refreshRanks: options.refreshRanks ?? Math.ceil(train.length / options.batch),
      },
      {
        signal: hooks.signal,
        onProgress: hooks.onProgress,
        onEpoch: (progress) => {
          behaviour.push(behaviourOn(student, dev));
          hooks.onEpoch?.(progress);
        },
      },
    );
    refined.push({ loss, training, behaviour, ...measured(student) });
  }
  const teacher = measure(
    runOf(test, (list) => list.teacher),
    qrels,
  );
  return { data, teacherTemperature, teacher, start, refined, comparisons: compareAll(start, refined) };
}

/** The positives of a list and the teacher's best others, `docs` in all where there are as many. */
function shorten(list: BagList, docs: number): BagList {
  const others = Math.max(1, docs - list.labels.reduce((sum, label) => sum + label, 0));
  let seen = 0;
  const kept = [...list.docids.keys()].filter((i) => list.labels[i] === 1 || seen++ < others);
  return {
    ...list,
    docids: kept.map((i) => list.docids[i]),
    documents: kept.map((i) => list.documents[i]),
    teacher: Float32Array.from(kept, (i) => list.teacher[i]),
    labels: Uint8Array.from(kept, (i) => list.labels[i]),
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
