// `ckl-loss train`: runs the training job, shows its progress, prints and saves what came out.
import { relative } from 'node:path';
import { TrainingLog } from '../../experiment/training-log.js';
import { runJob } from '../../train/job.js';
import { provideSample } from '../data-options.js';
import { INTERRUPTED, interruption, reachedText, reportInterruption } from '../interrupt.js';
import { checkNewFolder, checkOutputs, deliver } from '../output-files.js';
import { ProgressLine, type Output } from '../progress.js';
import { runText } from '../run-text.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { silent, teamOf } from '../world.js';
import { rerankerFiles } from './card.js';
import { reportJob, summariseJob } from './report.js';
import { readTrainArguments, TRAIN_OPTIONS } from './options.js';

/**
 * @param args what follows `train` on the command line
 * @returns the exit code: 0, or 130 when it was interrupted (after reporting what was reached)
 */
export async function train(
  args: string[],
  out: Output = standardOutput,
  errorOut: Output = standardError,
): Promise<number> {
  const asked = readTrainArguments(args);
  if (!asked) {
    out.write(TRAIN_OPTIONS.help);
    return 0;
  }
  const { where, options, json, run, save, log } = asked;
  const own = interruption();
  // Under mpirun the ranks train together, and only the first prints and writes.
  const team = teamOf(process.env, own);
  const speaks = !team || team.rank === 0;
  const progressOut = speaks ? errorOut : silent;
  if (speaks) {
    await checkOutputs(
      { json, run, log, checkpoint: options.checkpoint },
      { data: where.data, teacher: where.teacher, resume: options.resume },
    );
    await checkNewFolder('save', save);
  }
  await provideSample(where);

  const line = new ProgressLine(progressOut);
  const trainingLog = new TrainingLog();
  const shown = where.sample ? 'the sample (synthetic)' : relative('.', options.data) || '.';
  const started = performance.now();
  let reached = '';
  const result = await runJob(options, {
    signal: team?.signal ?? own,
    team,
    onData: ({ documents, train, dev, test, unusable, skipped }) => {
      progressOut.write(
        `${shown}: ${documents} documents, ${train} train, ${dev} dev, ${test} test queries\n`,
      );
      if (skipped > 0) progressOut.write(`left out: ${skipped} lines that cannot be read\n`);
      if (unusable > 0)
        progressOut.write(`left out of training: ${unusable} lists without a positive and a negative\n`);
    },
    onProgress: (progress) => {
      reached = reachedText(progress);
      line.batch(progress);
      trainingLog.batch(progress);
    },
    onEpoch: (progress) => {
      line.epoch(progress);
      trainingLog.epoch(progress);
    },
  });
  line.done();
  if (!speaks) return 0;

  const milliseconds = performance.now() - started;
  await deliver(out, reportJob(result), [
    [json, () => `${JSON.stringify(summariseJob(result, options, milliseconds), null, 2)}\n`],
    [run, () => runText(result.run, 'student')],
    [log, () => trainingLog.text()],
    [save, () => rerankerFiles(result, options, args)],
  ]);
  if (result.training.stopped !== 'interrupted') return 0;
  reportInterruption(progressOut, reached, options);
  return INTERRUPTED;
}
