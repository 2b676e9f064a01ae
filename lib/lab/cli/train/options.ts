// The options of `ckl-loss train`: their names, ranges, defaults and help.
import type { JobOptions } from '../../train/job.js';
import { commandTable } from '../command.js';
import { readData, type DataArguments } from '../data-options.js';
import {
  depthOption,
  checkLossOwners,
  checkPositionOwners,
  dataOptions,
  jsonOption,
  logOption,
  lossesOf,
  lossOption,
  lossOptions,
  positionOptions,
  rateOptions,
  runOption,
  saveOption,
  spoilOptions,
  temperatureOptions,
  trainingOptions,
} from '../experiment-options.js';

export const TRAIN_OPTIONS = commandTable(
  `ckl-loss train: distil a small reranker from a teacher's scores, and measure it on held-out queries

  ckl-loss train [options]

The student scores a candidate document by a weighted sum of lexical features. It starts from simple word overlap and learns
from the teacher's scores for the training queries. The report compares nDCG@10 and MRR@10 on the test queries' candidates,
before and after training, with the teacher and BM25. Ctrl-C ends the training and reports the result so far.`,
  {
    Data: { ...dataOptions, ...depthOption },
    Loss: {
      ...lossOption('(default: ckl)'),
      ...lossOptions,
      ...temperatureOptions(0.4),
    },
    Training: { ...trainingOptions({ epochs: 20 }), ...rateOptions({ patience: 5, learningRate: 0.02 }) },
    'Counter-tests': spoilOptions({ wrongTeacher: 0, wrongLabels: 0 }),
    Output: {
      ...saveOption,
      ...positionOptions,
      ...logOption,
      ...jsonOption,
      ...runOption,
    },
  },
);

export interface TrainArguments {
  where: DataArguments;
  options: JobOptions;
  json?: string;
  run?: string;
  save?: string;
  log?: string;
}

/**
 * @returns undefined when help was asked for
 * @throws UsageError
 */
export function readTrainArguments(args: string[]): TrainArguments | undefined {
  const values = TRAIN_OPTIONS.read(args);
  if (!values) return undefined;
  const { loss = 'ckl', depth, epochs, batch, seed, patience, json, run, save, log } = values;
  checkLossOwners(values.given, [loss]);
  checkPositionOwners(values.given);
  const where = readData(values);
  const options = {
    data: where.data,
    teacher: where.teacher,
    depth,
    loss,
    ...lossesOf(values),
    teacherTemperature: values['teacher-temperature'],
    refreshRanks: values['refresh-ranks'],
    epochs,
    patience,
    batch,
    ...(values.microbatches !== undefined && { microbatches: values.microbatches }),
    learningRate: values['learning-rate'],
    seed,
    wrongTeacher: values['wrong-teacher'],
    wrongLabels: values['wrong-labels'],
    level: values.level,
    skipBad: values['skip-bad'],
    checkpoint: values.checkpoint,
    checkpointEvery: values['checkpoint-every'],
    resume: values.resume,
  };
  return { where, options, json, run, save, log };
}
