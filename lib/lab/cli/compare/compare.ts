// `ckl-loss compare`: every loss on every student from the same start, and the report with the paper's tables and figures.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { compareLosses } from '../../compare/compare.js';
import { joinSaved, readSaved, type SavedComparison } from '../../compare/saved.js';
import { compareShare, joinShares, readShare, type SavedShare, SHARE_FORMAT } from '../../compare/share.js';
import { toJson } from '../../parse.js';
import { CLEAN } from '../../compare/experiment.js';
import { BestTrainings } from '../../experiment/best.js';
import { Checkpoint } from '../../experiment/checkpoint.js';
import type { ExperimentHooks } from '../../experiment/hooks.js';
import { Rankings } from '../../experiment/rankings.js';
import { ExperimentLog } from '../../experiment/training-log.js';
import { provenance } from '../../provenance.js';
import { studentFolders } from './card.js';
import { COMPARE_OPTIONS, readCompareArguments } from './options.js';
import { compareText } from './text.js';
import { CompareProgress } from './progress.js';
import { checkpointsOf, joinWorld } from './world.js';
import type { Communicator } from '../../../communicator.js';
import { provideSample } from '../data-options.js';
import { ownNotices } from '../identical-ids.js';
import { INTERRUPTED, interruption, reportInterruption } from '../interrupt.js';
import { checkNewFolder, checkOutputs, deliver } from '../output-files.js';
import type { Output } from '../progress.js';
import { runFilesOf, writtenRuns } from '../run-files.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { UsageError } from '../usage.js';
import { silent, worldOf } from '../world.js';

/**
 * @param args what follows `compare` on the command line
 * @returns the exit code: 0, or 130 when it was interrupted (then nothing is written)
 */
export async function compare(
  args: string[],
  out: Output = standardOutput,
  progressOut: Output = standardError,
): Promise<number> {
  const asked = readCompareArguments(args);
  if (!asked) {
    out.write(COMPARE_OPTIONS.help);
    return 0;
  }
  const { students, recipes, seed } = asked.options;
  const runFiles = runFilesOf(
    asked.run,
    students,
    recipes.map(({ name }) => name),
  );
  await checkOutputs(
    {
      json: asked.json,
      html: asked.html,
      log: asked.log,
      run: runFiles.map(({ file }) => file),
      checkpoint: asked.checkpoint,
    },
    asked.from
      ? { from: asked.from }
      : { data: asked.where.data, teacher: asked.where.teacher, 'zero-shot': asked.options.zeroShot },
  );
  // Checked first: a report that cannot be drawn should fail before the work, not after it.
  const report = asked.html === undefined ? undefined : await loadReport();
  await checkNewFolder('save', asked.save);
  const taken: Taken = {
    // Always with a checkpoint: the run that resumes from it may have to save the students.
    best:
      asked.options.folds === 0 && (asked.save ?? asked.checkpoint) !== undefined
        ? new BestTrainings(CLEAN)
        : undefined,
    rankings: asked.run === undefined ? undefined : new Rankings({ condition: CLEAN, seed }),
    log: asked.log === undefined ? undefined : new ExperimentLog(),
  };
  if (asked.share) {
    const { share } = asked;
    const part = await work(asked, progressOut, (jobs, hooks) =>
      compareShare(asked.options, share, jobs, hooks),
    );
    if (!part) return INTERRUPTED;
    const text = `share ${share.index + 1}/${share.of}: ${part.units.length} units of work\n`;
    await deliver(out, text, [[asked.json, () => `${toJson(part)}\n`]]);
    return 0;
  }
  const world = asked.from === undefined ? worldOf(process.env) : undefined;
  if (world) checkRankOwners(asked);
  const saved = world
    ? await workTogether(asked, progressOut, world)
    : asked.from !== undefined
      ? await readAll(asked.from)
      : await work(asked, progressOut, (jobs, hooks) =>
          compareLosses(asked.options, jobs, { ...hooks, ...taken }),
        );
  if (!saved) return INTERRUPTED;
  if (saved === 'elsewhere') return 0;
  await deliver(out, compareText(saved), [
    [asked.json, () => `${JSON.stringify(saved)}\n`],
    [asked.html, () => report!(saved)],
    [asked.save, () => studentFolders(taken.best!.all, saved, asked.options, args)],
    [asked.log, () => taken.log!.text()],
    ...writtenRuns(runFiles, taken.rankings),
  ]);
  return 0;
}

type Asked = NonNullable<ReturnType<typeof readCompareArguments>>;
/** Options that need more of an experiment than its results. */
type Taken = Pick<ExperimentHooks, 'best' | 'rankings' | 'log'>;

/** This rank's share, and on rank 0 the whole; undefined if it was interrupted. */
async function workTogether(
  asked: Asked,
  progressOut: Output,
  world: Communicator,
): Promise<SavedComparison | 'elsewhere' | undefined> {
  const { rank, size } = world;
  const out = rank === 0 ? progressOut : silent;
  const files = asked.checkpoint === undefined ? undefined : await checkpointsOf(world, asked.checkpoint);
  const own = { ...asked, checkpoint: files?.own, jobs: asked.jobs ?? 1 };
  const part = await work(
    own,
    out,
    (jobs, hooks) => compareShare(asked.options, { index: rank, of: size }, jobs, hooks),
    files?.others,
  );
  return part && (joinWorld(world, part) ?? 'elsewhere');
}

/** Models and rankings, which are not part of the results, stay in the process that made them. */
function checkRankOwners(asked: Asked): void {
  const other = (['save', 'run', 'log'] as const).find((name) => asked[name] !== undefined);
  if (other) throw new UsageError(`--${other} is written by one process; leave it out under mpirun`);
}

/** Runs a comparison or a share of one, with progress and checkpoint; undefined if it was interrupted. */
async function work<T extends object>(
  asked: Asked,
  progressOut: Output,
  compared: (jobs: number, hooks: ExperimentHooks) => Promise<T>,
  others?: readonly string[],
): Promise<(T & Pick<SavedComparison, 'made'>) | undefined> {
  const { options, jobs } = asked;
  const checkpoint = await Checkpoint.open(
    { checkpoint: asked.checkpoint, others },
    { command: 'compare', options },
  );
  await provideSample(asked.where);
  const signal = interruption();
  const progress = new CompareProgress(progressOut);
  const started = performance.now();
  try {
    const found = await compared(jobs ?? Math.min(2, availableParallelism()), {
      signal,
      checkpoint,
      onData: (data) => {
        progress.data(data);
        for (const notice of ownNotices(data.own, options.identicalIds)) progressOut.write(notice);
      },
      onStart: (model, done, all) => progress.start(model, done, all),
      onResult: (result) => progress.result(result),
      onTraining: (done, all) => progress.training(done, all),
    });
    const seconds = Math.round((performance.now() - started) / 1000);
    const before = checkpoint && checkpoint.done.size > 0 ? { unitsBefore: checkpoint.done.size } : {};
    return { ...found, made: { ...(await provenance(seconds)), ...before } };
  } catch (error) {
    if (!signal.aborted) throw error;
    progress.done();
    reportInterruption(progressOut, progress.reached, asked);
    return undefined;
  } finally {
    await checkpoint?.close();
    progress.done();
  }
}

/** Several saved comparisons of different students, otherwise alike, or all shares of one, as one. */
async function readAll(paths: readonly string[]): Promise<SavedComparison> {
  const whole: SavedComparison[] = [];
  const shares: SavedShare[] = [];
  for (const path of paths) {
    const found = await read(path);
    if ('share' in found) shares.push(found);
    else whole.push(found);
  }
  if (whole.length > 0 && shares.length > 0)
    throw new UsageError('--from: some files are whole comparisons, and others shares of one');
  try {
    return shares.length > 0 ? joinShares(shares) : whole.reduce(joinSaved);
  } catch (error) {
    throw new UsageError(`--from: ${(error as Error).message}`);
  }
}

async function read(path: string): Promise<SavedComparison | SavedShare> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--from: ${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    const { format } = (parsed ?? {}) as { format?: unknown };
    return format === SHARE_FORMAT ? readShare(parsed) : readSaved(parsed);
  } catch (error) {
    throw new UsageError(
      `--from: ${path} is not a comparison that --json wrote: ${(error as Error).message}`,
    );
  }
}

async function loadReport(): Promise<(saved: SavedComparison) => Promise<string>> {
  const { renderReport, loadPlotting } = await import('../../report/index.js');
  const plotting = await loadPlotting();
  return (saved) => Promise.resolve(renderReport(saved, plotting));
}
