// The training loop: epochs of shuffled batches, Adam, a dev set that says when to stop and which weights to keep.
import { setImmediate } from 'node:timers/promises';
import type { Qrels } from '../metrics/index.js';
import { linearDecay } from './adam.js';
import { TrainingBatch } from './batch.js';
import { fitScale } from './calibrate.js';
import type { CandidateList } from './candidates.js';
import { Objective, type ObjectiveOptions } from './objective.js';
import { Random } from './random.js';
import { measure, runOf, scoresOf } from './rerank.js';
import type { Student } from './student.js';

export interface DistilOptions extends ObjectiveOptions {
  epochs: number;
  /** Queries a batch. */
  batch: number;
  learningRate: number;
  /** Stop after so many epochs without a better dev nDCG@10. */
  patience: number;
  seed: number;
}

export interface Progress {
  epoch: number;
  epochs: number;
  /** Batches done, and all there are. */
  step: number;
  steps: number;
  /** Mean loss since the epoch began. */
  loss: number;
  /** Dev nDCG@10 after the last whole epoch. */
  dev: number;
  queriesPerSecond: number;
  secondsLeft: number;
}

export interface Distilled {
  /** Why it ended: all epochs done, no gain on dev, or interrupted. */
  stopped: 'finished' | 'early' | 'interrupted';
  /** The epoch whose weights the student has now: the best on dev; 0 = as it started. */
  bestEpoch: number;
  /** Mean loss of the epoch (none for epoch 0, the start) and dev nDCG@10 after it. */
  history: { epoch: number; loss?: number; dev: number }[];
}

export interface Hooks {
  /** After each batch. */
  onProgress?: (progress: Progress) => void;
  /** After each epoch, with its dev measure. */
  onEpoch?: (progress: Progress) => void;
  /** Aborting ends the training after the batch at hand; the best weights so far are kept, those of the unfinished epoch too. */
  signal?: AbortSignal;
}

/**
 * Trains the student in place and leaves it with the weights that were best on dev. The same data, options and seed give
 * the same weights bit by bit.
 *
 * @param data what to learn from; `qrels` judges dev
 * @throws RangeError for a hyper-parameter out of its range
 */
export async function distil<L extends CandidateList>(
  student: Student<L>,
  data: { train: readonly L[]; dev: readonly L[]; qrels: Qrels },
  options: DistilOptions,
  hooks: Hooks = {},
): Promise<Distilled> {
  const { train, dev, qrels } = data;
  const { epochs, learningRate } = options;
  const batch = new TrainingBatch<L>([options.batch, Math.max(...train.map((list) => list.docids.length))]);
  using objective = new Objective(options, batch.shape, train);
  student.scale(fitScale(student, train, options.teacherTemperature));

  const random = new Random(options.seed);
  const order = [...train];
  const batches = Math.ceil(order.length / options.batch);
  const steps = epochs * batches;
  const rate = rateSince(performance.now());

  const devScore = () => measure(runOf(dev, scoresOf(student)), qrels).mean['ndcg@10'];
  let best = { epoch: 0, dev: devScore(), restore: student.save() };
  const history: Distilled['history'] = [{ epoch: 0, dev: best.dev }];
  const keepIfBetter = (epoch: number, score: number) => {
    if (score > best.dev) best = { epoch, dev: score, restore: student.save() };
  };
  const end = (stopped: Distilled['stopped']): Distilled => {
    best.restore();
    return { stopped, bestEpoch: best.epoch, history };
  };

  for (let epoch = 1; epoch <= epochs; epoch++) {
    random.shuffle(order);
    let lossSum = 0;
    let done = { epoch, epochs, steps, step: 0, loss: 0, dev: history.at(-1)!.dev, ...rate(0, 0, steps) };
    for (let b = 0; b < batches; b++) {
      if (hooks.signal?.aborted) {
        keepIfBetter(epoch, devScore());
        return end('interrupted');
      }
      const step = (epoch - 1) * batches + b;
      batch.fill(order.slice(b * options.batch, (b + 1) * options.batch));
      batch.score(student);
      const { loss, grad } = objective.run(batch, student, step / steps);
      batch.backward(student, grad);
      student.step(linearDecay(learningRate, step, steps));

      lossSum += loss;
      done = {
        ...done,
        step: step + 1,
        loss: lossSum / (b + 1),
        ...rate(step + 1, batch.lists.length, steps),
      };
      hooks.onProgress?.(done);
      // Lets signals and timers through: the loop itself never waits.
      await setImmediate();
    }
    const score = devScore();
    history.push({ epoch, loss: done.loss, dev: score });
    hooks.onEpoch?.({ ...done, dev: score });
    keepIfBetter(epoch, score);
    if (epoch < epochs && epoch - best.epoch >= options.patience) return end('early');
  }
  return end('finished');
}

/** Counts queries from `started` on, and foretells the end from the steps done so far. */
function rateSince(started: number) {
  let queries = 0;
  return (step: number, more: number, steps: number) => {
    queries += more;
    const seconds = Math.max(1e-6, (performance.now() - started) / 1000);
    return {
      queriesPerSecond: queries / seconds,
      secondsLeft: step > 0 ? (seconds / step) * (steps - step) : 0,
    };
  };
}
