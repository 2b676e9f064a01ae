// The options of `ckl-loss train`: their names, ranges, defaults and help.
import { losses } from '../../../index.js';
import { SAMPLE_TEACHER } from '../../sample/write.js';
import type { JobOptions } from '../../train/job.js';
import { readData, type DataArguments } from '../data-options.js';
import { MOST, numberReader, readLoss, readTraining, TRAINING_OPTIONS } from '../training-options.js';
import { parseOptions } from '../usage.js';

export const TRAIN_HELP = `ckl-loss train: distil a small reranker from a teacher's scores, and measure it on held-out queries

  ckl-loss train [options]

The student scores a candidate document by a weighted sum of lexical features. It starts from plain word overlap and learns
from the teacher's scores of the training queries. Reported: MRR@10 and nDCG@10 of the test queries' candidates, before and
after, with the teacher and BM25 as reference lines.

Data
  --data DIR                  a BEIR folder: corpus.jsonl, queries.jsonl, qrels (default: the sample in examples/sample)
  --teacher FILE              the teacher's scores: a TREC run, or a form of \`ckl-loss convert\`, told by its first line
                              (default: ${SAMPLE_TEACHER} in the data folder)
  --docs N                    the teacher's best N candidates a query (default: all)
  --skip-bad                  leave out lines that cannot be read, and count them

Loss
  --loss NAME                 ${Object.keys(losses).join(', ')} (default: ckl), or a weighted sum: kl:1,marginMse:0.05
  --gamma X --alpha X         of ckl (default: 5 and 1)
  --lambda X                  of bkl
  --nll-weight X              of klLogL
  --curriculum NAME           of lambdaMrr, where its relevance comes from: cl-drd (the teacher's ranks in three stages), last-stage
                              or labels (default: cl-drd)
  --teacher-temperature T     divides the teacher's scores (default: 0.4 times their standard deviation within lists)
  --refresh-ranks N           of ckl: batches between two refreshes of the ranks behind beta; 0 = every batch's own scores
                              (default: one epoch)

Training
  --epochs N                  at most (default: 20)
  --patience N                epochs without a better dev nDCG@10 before it stops (default: 5)
  --batch N                   queries a batch (default: 16)
  --learning-rate X           of Adam, decaying to a tenth (default: 0.02)
  --seed N                    the same seed gives the same student, bit by bit (default: 1)

Counter-tests
  --wrong-teacher SHARE       of the training lists get their teacher scores dealt out anew (0 to 1, default: 0)
  --wrong-labels SHARE        of the training lists get their positives moved (0 to 1, default: 0)

Output
  --json FILE                 all of it as JSON: options, history, weights, measures, tests
  --run FILE                  the trained student's ranking of the test candidates, a TREC run for \`ckl-loss evaluate\`
  --help

Ctrl-C ends the training and reports on what was reached.
`;

export interface TrainArguments extends JobOptions, DataArguments {
  json?: string;
  run?: string;
  help: boolean;
}

/** @throws UsageError */
export function readTrainArguments(args: string[]): TrainArguments {
  const values = parseOptions(args, { ...TRAINING_OPTIONS, run: { type: 'string' } });
  const loss = readLoss('loss', values.loss ?? 'ckl');
  return {
    ...readData(values),
    docs: numberReader(values)('docs', 2, true, MOST),
    loss,
    ...readTraining(values, [loss], { epochs: 20, patience: 5, learningRate: 0.02 }),
    json: values.json,
    run: values.run,
    help: values.help ?? false,
  };
}
