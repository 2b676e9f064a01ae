// `ckl-loss refine`: a retriever refined with one or more losses from the same start, and how they compare.
import { titleOfRecipe } from '../../experiment/recipes.js';
import { TrainingLog } from '../../experiment/training-log.js';
import { rankingsOf, refine as runRefinement } from '../../refine/job.js';
import { provenance } from '../../provenance.js';
import { loadPlotting } from '../../report/plotting.js';
import { provideSample } from '../data-options.js';
import { ownNotices } from '../identical-ids.js';
import { INTERRUPTED, interruption, reachedText, reportInterruption } from '../interrupt.js';
import { checkNewFolder, checkOutputs, deliver } from '../output-files.js';
import { ProgressLine, type Output } from '../progress.js';
import { runFilesOf, writtenRuns } from '../run-files.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { silent, teamOf } from '../world.js';
import { readRefineArguments, REFINE_OPTIONS } from './options.js';
import { studentFiles } from './card.js';
import { refinementPage } from './page.js';
import { reportRefinement, summariseRefinement } from './report.js';
import { textsOf } from './words.js';

/**
 * @param args what follows `refine` on the command line
 * @returns the exit code: 0, or 130 when it was interrupted (after reporting what was reached)
 */
export async function refine(
  args: string[],
  out: Output = standardOutput,
  errorOut: Output = standardError,
): Promise<number> {
  const asked = readRefineArguments(args);
  if (!asked) {
    out.write(REFINE_OPTIONS.help);
    return 0;
  }
  const { where, options, json, html, save, log, run } = asked;
  const runFiles = runFilesOf(run, [options.student ?? 'dense'], options.losses.map(titleOfRecipe));
  const rankings = run === undefined ? undefined : rankingsOf(options);
  const own = interruption();
  // Under mpirun the ranks refine together, and only the first prints and writes.
  const team = teamOf(process.env, own);
  const signal = team?.signal ?? own;
  const speaks = !team || team.rank === 0;
  const progressOut = speaks ? errorOut : silent;
  if (speaks) {
    await checkOutputs(
      { json, html, log, run: runFiles.map(({ file }) => file), checkpoint: options.checkpoint },
      {
        ...{
          data: where.data,
          teacher: where.teacher,
          'zero-shot': options.zeroShot,
          resume: options.resume,
        },
        'query-embeddings': options.adapter?.queryEmbeddings,
        'document-embeddings': options.adapter?.documentEmbeddings,
      },
    );
    await checkNewFolder('save', save);
  }
  // Checked first: a page that cannot be drawn should fail before the work, not after it.
  const plotting = html === undefined ? undefined : await loadPlotting();
  await provideSample(where);
  const started = performance.now();
  const line = new ProgressLine(progressOut);
  const trainingLog = new TrainingLog();
  let [training, reached] = ['', ''];
  const result = await runRefinement(options, {
    signal,
    team,
    rankings,
    onOwn: (own) => {
      line.done();
      for (const notice of ownNotices(own, options.identicalIds)) progressOut.write(notice);
    },
    onData: ({ train, dev, test, skipped, ...size }) => {
      line.done();
      const shown = where.sample ? 'the sample (synthetic): ' : '';
      progressOut.write(`${shown}${textsOf(size)}, ${train} train, ${dev} dev, ${test} test queries\n`);
      if (skipped > 0) progressOut.write(`left out: ${skipped} lines that cannot be read\n`);
    },
    onStart: (_, done, all) => line.start(done, all),
    onLoss: (loss) => {
      line.done();
      [training, reached] = [loss, ''];
      progressOut.write(`${loss}\n`);
      trainingLog.training(loss);
    },
    onProgress: (progress) => {
      reached = `${reachedText(progress)}, of ${training}`;
      line.batch(progress);
      trainingLog.batch(progress);
    },
    onEpoch: (progress, behaviour) => {
      line.epoch(progress, behaviour);
      trainingLog.epoch(progress, behaviour);
    },
  });
  line.done();
  if (!speaks) return 0;
  const made = await provenance(Math.round((performance.now() - started) / 1000));
  await deliver(out, reportRefinement(result), [
    [json, () => `${JSON.stringify(summariseRefinement(result, options), null, 2)}\n`],
    [html, () => refinementPage(result, { options, args, made }, plotting!)],
    [log, () => trainingLog.text()],
    ...writtenRuns(runFiles, rankings),
    [result.chosen && save, () => studentFiles(result, options, args)],
  ]);
  if (!signal.aborted) return 0;
  if (save !== undefined && !result.chosen)
    progressOut.write('nothing to save: no training with a loss was measured\n');
  reportInterruption(progressOut, reached, options);
  return INTERRUPTED;
}
