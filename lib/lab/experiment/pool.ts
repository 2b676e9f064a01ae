// Runs the units of an experiment in this thread or on several; the result does not depend on their number.
import { setImmediate } from 'node:timers/promises';
import { reportUnderflow } from '../../presets/teacher-scale.js';
import type { CandidateList } from '../training/candidates.js';
import type { Checkpoint } from './checkpoint.js';
import { isOfShare, type ExperimentHooks } from './hooks.js';
import { trainingsOf, unitsOf, type Experiment, type Unit } from './plan.js';
import { Retrievers } from './retrievers.js';
import type { DataSummary, UnitResult } from './results.js';
import type { Source } from './subject.js';
import { groupOf, nextTask } from './task-order.js';
import { runOnThreads, type Work } from './threads.js';
import { UnitLog } from './training-log.js';
import { UnitRunner, type Snapshot } from './unit.js';

export interface ExperimentResult {
  data: DataSummary;
  /** In the order of {@link unitsOf}, of the share; of an interrupted experiment only some. */
  results: UnitResult[];
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
      // However early the interruption, the first recipe reports what was reached.
      const isReached = () =>
        [...results.values()].some(({ interrupted, unit }) => interrupted || unit.recipe);
      if (signal?.aborted && isReached()) return undefined;
      const at = nextTask(last, tasks, begun);
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

const standingAt = (checkpoint: Checkpoint | undefined, place: number): Snapshot | undefined =>
  checkpoint?.standing?.place === place ? checkpoint.standing : undefined;
