// Runs the units of an experiment, in this thread or on several; what comes out does not depend on how many.
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { reportUnderflow } from '../../presets/teacher-scale.js';
import type { CandidateList } from '../training/candidates.js';
import type { BestTraining, BestTrainings } from './best.js';
import type { Checkpoint } from './checkpoint.js';
import type { FoundRanking, Rankings, RankingsOf } from './rankings.js';
import { trainingsOf, unitsOf, type Experiment, type Unit } from './plan.js';
import { Retrievers, type OnStart, type SharedRetrievers } from './retrievers.js';
import type { DataSummary, UnitResult } from './results.js';
import type { Source } from './subject.js';
import { UnitLog, type ExperimentLog } from './training-log.js';
import { UnitRunner, type Snapshot, type UnitHooks } from './unit.js';

/** The messages of a worker thread. */
export type WorkerMessage =
  | { kind: 'ready' }
  | { kind: 'training' }
  | { kind: 'best'; training: BestTraining }
  | { kind: 'ranking'; ranking: FoundRanking }
  /** With the text of its log, if that is wanted. */
  | { kind: 'result'; place: number; result: UnitResult; log?: string };

/** What a worker thread is told at its start. */
export interface WorkerOrders {
  experiment: Experiment;
  /** The data, mostly in shared memory. */
  shared: SharedRetrievers;
  /** Of which condition the best trainings are wanted, with their parameters. */
  bestOf?: string;
  /** Which rankings are wanted. */
  rankingsOf?: RankingsOf;
  /** Whether trainings are logged. */
  logs: boolean;
}

/** A unit with its place among {@link unitsOf}. */
export interface UnitTask {
  place: number;
  unit: Unit;
}

export interface WorkerTask extends UnitTask {
  /** The word vectors that its model starts from, in shared memory. */
  start: Float32Array;
}

export interface ExperimentHooks extends Pick<
  UnitHooks,
  'onRecipe' | 'onProgress' | 'onEpoch' | 'signal' | 'team'
> {
  /** Once the data is read. */
  onData?: (data: DataSummary) => void;
  /** While a model's start is made. */
  onStart?: OnStart;
  /** Before each unit. */
  onUnit?: (unit: Unit) => void;
  /** After each unit, in the order in which they end. */
  onResult?: (result: UnitResult) => void;
  /** After each training, and once at the beginning, with the number done and the number of all. */
  onTraining?: (done: number, all: number) => void;
  /** The part of the units that is done here. Default: all. */
  share?: Share;
  /** Keeps results as they come; a unit that it holds is not done again. */
  checkpoint?: Checkpoint;
  /** Whether the checkpoint also notes where a unit stands. Default: only finished units are kept. */
  savesUnits?: boolean;
  /** Takes the best trainings with their parameters. */
  best?: BestTrainings;
  /** Takes rankings of the test queries. */
  rankings?: Rankings;
  /** Takes a line per step and per epoch of each training. */
  log?: ExperimentLog;
}

/** One of `of` parts of the units: those whose place leaves `index` when it is divided by `of`. */
export interface Share {
  index: number;
  of: number;
}

export const isOfShare = (place: number, share: Share | undefined): boolean =>
  share === undefined || place % share.of === share.index;

export interface ExperimentResult {
  data: DataSummary;
  /** In the order of {@link unitsOf}, of the share; of an interrupted experiment only some. */
  results: UnitResult[];
}

/** Where the threads of a run take their work and leave it. */
interface Work {
  /**
   * The next unit; undefined when there is none.
   *
   * @param last what the asking thread did before: of what shares a warm-up with it, it has that
   */
  next(last?: UnitTask): UnitTask | undefined;
  finish(place: number, result: UnitResult): Promise<void>;
  onData(data: DataSummary): Promise<void>;
  onTraining(): void;
}

/**
 * Runs an experiment with retrievers.
 *
 * @param jobs threads; 1 = this one
 * @throws DataError for bad files, RangeError for options that a loss refuses, CheckpointError; the reason of an abort, with several threads
 */
export function runExperiment(
  experiment: Experiment,
  jobs: number,
  hooks: ExperimentHooks,
): Promise<ExperimentResult> {
  return runUnits(experiment, hooks, (work, left) =>
    Math.min(jobs, left) > 1
      ? runOnThreads(experiment, Math.min(jobs, left), work, hooks)
      : runHere(experiment, () => Retrievers.load(experiment, hooks.onStart), work, hooks),
  );
}

/** Runs an experiment in this thread, with a source of any kind. */
export function runWith<L extends CandidateList>(
  experiment: Experiment,
  load: () => Promise<Source<L>>,
  hooks: ExperimentHooks = {},
): Promise<ExperimentResult> {
  return runUnits(experiment, hooks, (work) => runHere(experiment, load, work, hooks));
}

async function runUnits(
  experiment: Experiment,
  { checkpoint, share, best, onData, onResult, onTraining, signal }: ExperimentHooks,
  run: (work: Work, left: number) => Promise<void>,
): Promise<ExperimentResult> {
  const units = unitsOf(experiment);
  const results = new Map<number, UnitResult>();
  checkpoint?.done.forEach((result, place) => {
    if (isOfShare(place, share)) results.set(place, { unit: units[place], ...result });
  });
  for (const found of checkpoint?.best ?? []) best?.take({ ...found, unit: units[found.place] });
  const own = units.map((unit, place) => ({ place, unit })).filter(({ place }) => isOfShare(place, share));
  const tasks = own.filter(({ place }) => !results.has(place));
  const count = (some: readonly Unit[]) => some.reduce((sum, unit) => sum + trainingsOf(unit, experiment), 0);
  const all = count(own.map(({ unit }) => unit));
  let done = all - count(tasks.map(({ unit }) => unit));
  let data: DataSummary | undefined;
  const begun = new Set<string>();
  const work: Work = {
    next: (last) => {
      // However early the interruption, the first recipe reports on what there is.
      const isReached = () =>
        [...results.values()].some(({ interrupted, unit }) => interrupted || unit.recipe);
      if (signal?.aborted && isReached()) return undefined;
      const at = nextFor(last, tasks, begun);
      if (at < 0) return undefined;
      const [task] = tasks.splice(at, 1);
      begun.add(groupOf(task));
      return task;
    },
    async finish(place, result) {
      results.set(place, result);
      onResult?.(result);
      if (!result.interrupted) await checkpoint?.add(place, result);
    },
    async onData(found) {
      if (data) return;
      data = found;
      await checkpoint?.bind(found.fullDigest);
      for (const scale of data.teacherScales) reportUnderflow(scale, scale.temperature);
      onData?.(data);
      onTraining?.(done, all);
    },
    onTraining: () => onTraining?.(++done, all),
  };
  await run(work, tasks.length);
  return { data: data!, results: units.flatMap((_, place) => results.get(place) ?? []) };
}

async function runHere<L extends CandidateList>(
  experiment: Experiment,
  load: () => Promise<Source<L>>,
  work: Work,
  { checkpoint, savesUnits = false, best, rankings, log, onUnit, ...hooks }: ExperimentHooks,
): Promise<void> {
  const source = await load();
  await work.onData(source.summary);
  let place = 0;
  let unit: Unit;
  let lines: UnitLog | undefined;
  const runner = new UnitRunner(source, experiment, {
    ...hooks,
    onTraining: work.onTraining,
    onRecipe: (name, seed, rate) => {
      hooks.onRecipe?.(name, seed, rate);
      lines?.recipe(name, seed, rate);
    },
    onProgress: (progress) => {
      hooks.onProgress?.(progress);
      lines?.batch(progress);
    },
    onEpoch: (progress, behaviour) => {
      hooks.onEpoch?.(progress, behaviour);
      lines?.epoch(progress, behaviour);
    },
    onRanked: rankings && ((student, seed, run) => rankings.offer({ unit, place }, seed, student, run)),
    onMeasured:
      best &&
      ((run, rate, copy) => {
        const found = best.offer({ unit, place, run, rate }, copy);
        if (found) checkpoint?.keepBest(found);
      }),
    checkpoint:
      checkpoint && savesUnits
        ? { every: checkpoint.every, save: (snapshot) => checkpoint.save(place, snapshot) }
        : undefined,
  });
  for (let task = work.next(); task; task = work.next(task)) {
    ({ place, unit } = task);
    onUnit?.(unit);
    lines = log && new UnitLog(unit);
    const result = await runner.run(unit, standingAt(checkpoint, place));
    if (lines) log!.take(place, lines.text());
    await work.finish(place, result);
    await setImmediate();
  }
}

const groupOf = ({ unit: { model, condition, fold } }: UnitTask): string =>
  JSON.stringify([model, condition.name, fold]);

/**
 * Which of the tasks a thread does next: one that shares a warm-up with its last, else the first of those that no thread has begun with, else
 * the last, as whoever began comes to it last.
 */
function nextFor(last: UnitTask | undefined, tasks: readonly UnitTask[], begun: ReadonlySet<string>): number {
  const own = last ? tasks.findIndex((task) => groupOf(task) === groupOf(last)) : -1;
  if (own >= 0) return own;
  const fresh = tasks.findIndex((task) => !begun.has(groupOf(task)));
  return fresh >= 0 ? fresh : tasks.length - 1;
}

const standingAt = (checkpoint: Checkpoint | undefined, place: number): Snapshot | undefined =>
  checkpoint?.standing?.place === place ? checkpoint.standing : undefined;

async function runOnThreads(
  experiment: Experiment,
  threads: number,
  work: Work,
  { signal, checkpoint, best, rankings, log, onStart }: ExperimentHooks,
): Promise<void> {
  const source = await Retrievers.load(experiment, onStart);
  signal?.throwIfAborted();
  await work.onData(source.summary);
  const workerData: WorkerOrders = {
    experiment,
    shared: source.shared,
    bestOf: best?.condition,
    rankingsOf: rankings?.wanted,
    logs: log !== undefined,
  };
  // The losses' own threads would only be in the way of these.
  const env = { ...process.env, CKL_THREADS: '1' };
  const workers = Array.from(
    { length: threads },
    () => new Worker(join(__dirname, 'worker.js'), { workerData, env }),
  );
  const serve = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      let task: UnitTask | undefined;
      const give = () => {
        task = work.next(task);
        if (task) worker.postMessage({ ...task, start: source.start(task.unit.model) } satisfies WorkerTask);
        else resolve();
      };
      const stop = () => reject(signal!.reason as Error);
      signal?.addEventListener('abort', stop, { once: true });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`a comparison thread ended with code ${code}`)));
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') return give();
        if (message.kind === 'training') return work.onTraining();
        if (message.kind === 'best') {
          const found = best?.take(message.training);
          if (found) checkpoint?.keepBest(found);
          return;
        }
        if (message.kind === 'ranking') return rankings?.take(message.ranking);
        if (message.log !== undefined) log?.take(message.place, message.log);
        void work.finish(message.place, message.result).then(give, reject);
      });
    });
  try {
    await Promise.all(workers.map(serve));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
