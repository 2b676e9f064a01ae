// The training loop: epochs of shuffled batches, Adam, and a dev set that decides when to stop and which
// weights to keep.
import { setImmediate } from 'node:timers/promises';
import type { RankTrackerState } from '../../index.js';
import type { Qrels } from '../../metrics/index.js';
import { riseAndDecay } from './schedule.js';
import { TrainingBatch } from './batch.js';
import { fitScale } from './calibrate.js';
import type { CandidateList } from './candidates.js';
import { largest } from '../../extremes.js';
import { longest } from './list-length.js';
import { InBatch, type InBatchOptions } from './in-batch.js';
import { Microbatches } from './microbatches.js';
import { Objective, type ObjectiveOptions } from './objective.js';
import { Random } from './random.js';
import { measure, runOf, type Judging } from './rerank.js';
import type { Saved, Student } from './student.js';
import { dealtScores, type Team } from './team.js';

export interface DistilOptions extends ObjectiveOptions {
  epochs: number;
  /** Queries per batch. */
  batch: number;
  learningRate: number;
  /** Stop after this many epochs without a better dev nDCG@10. */
  patience: number;
  seed: number;
  /** Share of the steps, 0 to 1, over which the learning rate rises to its peak. Default 0. */
  rise?: number;
  /**
   * Parts of a batch whose gradients are summed separately and then added; the ranks of a team share them.
   * Default 1.
   */
  microbatches?: number;
}

export interface DistilData<L extends CandidateList> {
  train: readonly L[];
  dev: readonly L[];
  /** Judges dev. */
  qrels: Qrels;
  judging?: Judging;
  /** The part of a training list that is used in an epoch. Default: all of it. */
  sample?: (list: L, random: Random) => L;
  /** The lists that a refresh of the ranks evaluates, one per query. Default: the training lists. */
  ranked?: readonly L[];
  /** Adds a loss over in-batch negatives. */
  inBatch?: InBatchOptions<L>;
}

/**
 * The state of a training between two batches, as JSON; together with the student's own state, it is enough
 * to resume.
 */
export interface Position {
  /** The epoch and the batch that come next, from 1 and from 0. */
  epoch: number;
  batch: number;
  /** Of the random generator when the epoch began, and the order of the training lists then. */
  random: number;
  order: number[];
  /** Of the epoch's batches so far. */
  lossSum: number;
  history: Distilled['history'];
  best: { epoch: number; dev: number };
  ranks: RankTrackerState | null;
}

/** Parameters by name. */
export type NamedParameters = NonNullable<Saved['parameters']>;

export interface Progress {
  epoch: number;
  epochs: number;
  /** Batches done, and the total. */
  step: number;
  steps: number;
  /** Mean loss since the epoch began. */
  loss: number;
  /** Dev nDCG@10 after the last whole epoch. */
  dev: number;
  /** Of the last step; 0 before the first. */
  learningRate: number;
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
  /** Aborting ends the training after the current batch; the best weights so far are kept, including those of the unfinished epoch. */
  signal?: AbortSignal;
  /**
   * Processes that run this training together, all in the same way; its signal takes the place of `signal`.
   *
   * @internal
   */
  team?: Team;
  /** Called after every `every` batches, after each epoch, and when the training is interrupted. */
  checkpoint?: { every: number; save: (position: Position, best: NamedParameters) => Promise<void> };
  /** Resumes from this state; the student must be in its state of then. */
  resume?: { position: Position; best: NamedParameters };
}

/**
 * Trains the student in place and leaves it with the weights that were best on dev. The same data, options and seed give
 * the same weights bit by bit.
 *
 * @throws RangeError for a hyper-parameter out of its range
 */
export async function distil<L extends CandidateList>(
  student: Student<L>,
  data: DistilData<L>,
  options: DistilOptions,
  hooks: Hooks = {},
): Promise<Distilled> {
  const { train, dev, qrels, sample } = data;
  const { epochs, learningRate, rise = 0, microbatches = 1 } = options;
  const { checkpoint, resume, team } = hooks;
  const signal = team?.signal ?? hooks.signal;
  const batch = new TrainingBatch<L>([options.batch, longest(train)]);
  const parts = new Microbatches(student, microbatches, team);
  using objective = new Objective(options, batch.shape, data.ranked ?? train, team);
  using inBatch =
    data.inBatch && new InBatch(data.inBatch, [options.batch, largest(train.map(countPositives))]);
  if (!resume) student.scale(fitScale(student, train, options.teacherTemperature));

  const random = new Random(options.seed);
  const order = [...train];
  const batches = Math.ceil(order.length / options.batch);
  const steps = epochs * batches;
  const rate = rateSince(performance.now());

  const devScore = () =>
    measure(runOf(dev, dealtScores(student, dev, team)), qrels, data.judging).mean['ndcg@10'];
  let best: { epoch: number; dev: number; restore: Saved };
  let history: Distilled['history'];
  if (resume) {
    const { position, best: parameters } = resume;
    best = {
      ...position.best,
      restore: Object.assign(() => student.load?.(parameters), { parameters }),
    };
    history = position.history.map((entry) => ({ ...entry }));
    random.state = position.random;
    position.order.forEach((list, i) => (order[i] = train[list]));
    objective.rankState = position.ranks;
  } else {
    best = { epoch: 0, dev: devScore(), restore: student.save() };
    history = [{ epoch: 0, dev: best.dev }];
  }
  const keepIfBetter = (epoch: number, score: number) => {
    if (score > best.dev) best = { epoch, dev: score, restore: student.save() };
  };
  const end = (stopped: Distilled['stopped']): Distilled => {
    best.restore();
    return { stopped, bestEpoch: best.epoch, history };
  };
  const places = new Map(checkpoint && train.map((list, i) => [list, i]));
  const opening = () => ({ random: random.state, order: order.map((list) => places.get(list) ?? -1) });
  const save = (at: Pick<Position, 'epoch' | 'batch' | 'lossSum'>, opened: ReturnType<typeof opening>) => {
    const { epoch, dev, restore } = best;
    const position = { ...at, ...opened, history, best: { epoch, dev }, ranks: objective.rankState };
    return checkpoint?.save(position, restore.parameters ?? {});
  };

  let [first, lossSum] = resume ? [resume.position.batch, resume.position.lossSum] : [0, 0];
  const stepsBefore = ((resume?.position.epoch ?? 1) - 1) * batches + first;
  for (let epoch = resume?.position.epoch ?? 1; epoch <= epochs; epoch++) {
    if (epoch - 1 - best.epoch >= options.patience) return end('early');
    const opened = opening();
    random.shuffle(order);
    const lists = sample ? order.map((list) => sample(list, random)) : order;
    let done = {
      epoch,
      epochs,
      steps,
      step: 0,
      loss: 0,
      learningRate: 0,
      dev: history.at(-1)!.dev,
      ...rate(0, 0, steps),
    };
    for (let b = first; b < batches; b++) {
      team?.agree();
      if (signal?.aborted) {
        await save({ epoch, batch: b, lossSum }, opened);
        keepIfBetter(epoch, devScore());
        return end('interrupted');
      }
      const step = (epoch - 1) * batches + b;
      batch.fill(lists.slice(b * options.batch, (b + 1) * options.batch));
      parts.score(batch);
      const { loss, grad } = objective.run(batch, student, step / steps);
      parts.backward(batch, grad);
      lossSum += loss + (inBatch?.run(batch.lists, parts) ?? 0);
      parts.finish();
      const current = riseAndDecay(learningRate, step, steps, rise);
      student.step(current);

      done = {
        ...done,
        step: step + 1,
        loss: lossSum / (b + 1),
        learningRate: current,
        ...rate(step + 1 - stepsBefore, batch.lists.length, steps - stepsBefore),
      };
      hooks.onProgress?.(done);
      if (checkpoint && (step + 1) % checkpoint.every === 0 && b + 1 < batches)
        await save({ epoch, batch: b + 1, lossSum }, opened);
      // Lets signals and timers run: the loop itself never waits.
      await setImmediate();
    }
    const score = devScore();
    history.push({ epoch, loss: done.loss, dev: score });
    hooks.onEpoch?.({ ...done, dev: score });
    keepIfBetter(epoch, score);
    [first, lossSum] = [0, 0];
    await save({ epoch: epoch + 1, batch: 0, lossSum }, opening());
  }
  return end('finished');
}

const countPositives = ({ labels }: CandidateList) => labels.reduce((sum, label) => sum + label, 0);

/** Counts queries since `started`, and estimates the remaining time from the steps done so far. */
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
