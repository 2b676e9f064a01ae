// One unit of an experiment: warm-up, learning-rate search on dev, a training per seed, one look at test; and the way back into its middle.
import type { Numbers } from '../training/adam.js';
import type { CandidateList } from '../training/candidates.js';
import { distil, type Hooks, type Position, type Progress } from '../training/distil.js';
import type { Run as Ranking } from '../../metrics/index.js';
import { largest } from '../../extremes.js';
import { titleOfLoss } from '../training/loss-sum.js';
import type { Saved } from '../training/student.js';
import type { Team } from '../training/team.js';
import type { Behaviour } from './behaviour.js';
import type { PartParameters } from './best.js';
import { stagesOf, type Experiment, type ModelName, type Recipe, type Stage, type Unit } from './plan.js';
import { lastPart, type Observation, type Run, type Trained, type UnitResult } from './results.js';
import type { Part, Source, Subject } from './subject.js';

/** The state of a unit between two batches, as JSON. */
export interface UnitState {
  search: UnitResult['search'];
  /** The best training of the search so far. */
  best?: { rate: number; dev: number; trainings: Trained[] };
  runs: Run[];
  /** The warm-up, once it is done. */
  warmup?: Trained[];
  /** Whether the training in progress is the warm-up. */
  warming: boolean;
  /** Stages and parts of the training in progress that are done. */
  done: Trained[];
  observed: Observation[];
  position: Position;
  /** Counts of optimizer steps, by part and table. */
  steps: Record<string, number>;
}

/** A unit's state with its arrays: parameters and moments by part, and the parameters that a later step goes back to. */
export interface Snapshot {
  state: UnitState;
  arrays: Record<string, Numbers>;
}

export interface UnitHooks {
  /** After each training. */
  onTraining?: () => void;
  /** After each look at test, with the learning rate and what copies the parameters that were measured. */
  onMeasured?: (run: Run, rate: number, copy: () => PartParameters) => void;
  /** At each look at test after a training, with each student's ranking of the whole corpus and the seed. */
  onRanked?: (student: ModelName, seed: number, ranking: Ranking) => void;
  /** Before a warm-up or a training of a recipe, with its name, seed and learning rate. */
  onRecipe?: (name: string, seed: number, rate: number) => void;
  onProgress?: (progress: Progress) => void;
  /** After each epoch, with what is observed of dev. */
  onEpoch?: (progress: Progress, behaviour?: Behaviour) => void;
  /** Aborting ends the training after the batch in progress, and the unit with what was reached. */
  signal?: AbortSignal;
  /** Processes that run the unit together. */
  team?: Team;
  /** Called after each epoch, after every `every` batches, and when the unit is interrupted. */
  checkpoint?: { every: number; save: (snapshot: Snapshot) => Promise<void> };
}

/** Parameters of all parts, and what restores them. */
type Kept = Map<string, Saved>;

/** Runs units one after the other. The result of a unit depends on data, experiment and unit alone, not on what ran before. */
export class UnitRunner<L extends CandidateList> {
  private warm: { key: string; trainings: Trained[]; kept: Kept } | undefined;

  constructor(
    private readonly source: Source<L>,
    private readonly experiment: Experiment,
    private readonly hooks: UnitHooks = {},
  ) {}

  /** @param from the state of an earlier run of this unit, which is continued with the same bits */
  async run(unit: Unit, from?: Snapshot): Promise<UnitResult> {
    const subject = this.source.open(unit);
    const { model, condition, fold } = unit;
    const key = JSON.stringify([model, condition, fold]);
    if (this.warm?.key !== key) this.warm = undefined;
    if (from) this.warm = this.warmOf(subject, key, from);
    const work = new UnitWork(subject, this.experiment, this.hooks, from, this.warm);
    const found = unit.recipe ? await work.refine(unit.recipe) : await work.reference();
    this.warm = work.warm && { key, ...work.warm };
    return { unit, ...found, interrupted: work.interrupted };
  }

  private warmOf({ parts }: Subject<L>, key: string, { state, arrays }: Snapshot) {
    return state.warmup && { key, trainings: state.warmup, kept: keptIn(parts, arrays, 'warm') };
  }
}

class UnitWork<L extends CandidateList> {
  interrupted = false;
  private readonly search: UnitResult['search'];
  private best: UnitState['best'];
  private kept: Kept | undefined;
  private readonly runs: Run[];
  private warming = false;
  private done: Trained[] = [];

  constructor(
    private readonly subject: Subject<L>,
    private readonly experiment: Experiment,
    private readonly hooks: UnitHooks,
    /** Taken away once the training that it stands in goes on. */
    private from: Snapshot | undefined,
    public warm: { trainings: Trained[]; kept: Kept } | undefined,
  ) {
    const state = from?.state;
    this.search = [...(state?.search ?? [])];
    this.best = state?.best;
    this.runs = [...(state?.runs ?? [])];
    if (state?.best) this.kept = keptIn(subject.parts, from!.arrays, 'kept');
  }

  async refine(recipe: Recipe): Promise<Omit<UnitResult, 'unit' | 'interrupted'>> {
    const { rates, seeds, seed, learningRate } = this.experiment;
    for (const factor of rates.slice(this.search.length)) {
      const rate = factor * learningRate;
      const trainings = await this.train(recipe, seed, rate);
      if (!trainings) break;
      const dev = largest(lastPart(trainings).training.history.map((epoch) => epoch.dev));
      this.search.push({ rate, dev });
      if (!this.best || dev > this.best.dev) {
        this.best = { rate, dev, trainings };
        this.kept = keep(this.subject.parts);
      }
    }
    if (!this.best) return { search: this.search, rate: learningRate, runs: this.runs };
    const { rate, trainings } = this.best;
    if (this.runs.length === 0) {
      this.kept!.forEach((restore) => restore());
      this.runs.push(this.examine(seed, trainings, rate));
    }
    for (let s = this.runs.length; s < seeds && !this.interrupted; s++) {
      const trainings = await this.train(recipe, seed + s, rate);
      if (trainings) this.runs.push(this.examine(seed + s, trainings, rate));
    }
    return { search: this.search, rate, runs: this.runs };
  }

  /** The untrained student and the warm-up, measured. */
  async reference(): Promise<Omit<UnitResult, 'unit' | 'interrupted'>> {
    const { subject, runs } = this;
    const { seed, learningRate } = this.experiment;
    subject.parts.forEach((part) => part.start());
    const start = subject.test();
    await this.begin();
    if (this.warm) runs.push(this.examine(seed, this.warm.trainings, learningRate));
    const figures = subject.figures?.();
    this.hooks.onTraining?.();
    const references = subject.references();
    return { search: [], rate: learningRate, runs, start, figures, references };
  }

  /** One training of a recipe, from the warm-up on; nothing when it was interrupted before. */
  private async train(recipe: Recipe, seed: number, rate: number): Promise<Trained[] | undefined> {
    await this.begin();
    if (this.interrupted) return undefined;
    this.hooks.onRecipe?.(recipe.name, seed, rate);
    const trainings = await this.stages(stagesOf(recipe, this.experiment.epochs), seed, rate);
    this.hooks.onTraining?.();
    return trainings;
  }

  /** Puts the student where refinement starts: at the warm-up, or untrained. */
  private async begin(): Promise<void> {
    const { subject, experiment } = this;
    const { warmup, seed, learningRate, epochs } = experiment;
    subject.parts.forEach((part) => part.start());
    if (!warmup) return;
    if (!this.warm) {
      this.hooks.onRecipe?.(titleOfLoss(warmup.loss), seed, warmup.learningRate ?? learningRate);
      this.warming = true;
      const stages = stagesOf({ name: 'warm-up', stages: [warmup] }, epochs);
      const trainings = await this.stages(stages, seed, learningRate);
      this.warming = false;
      this.warm = { trainings, kept: keep(subject.parts) };
    }
    this.warm.kept.forEach((restore) => restore());
  }

  private async stages(
    stages: readonly (Stage & { epochs: number })[],
    seed: number,
    rate: number,
  ): Promise<Trained[]> {
    const steps = stages.flatMap((stage) => this.subject.parts.map((part) => ({ stage, part })));
    this.done = [...(this.from?.state.done ?? [])];
    for (const { stage, part } of steps.slice(this.done.length)) {
      if (this.interrupted) break;
      this.done.push(await this.stage(part, stage, seed, rate));
    }
    return this.done;
  }

  /** Continues the training of a part, with a new optimizer. */
  private async stage(
    { name, student }: Part<L>,
    { loss, epochs, learningRate, ...own }: Stage & { epochs: number },
    seed: number,
    rate: number,
  ): Promise<Trained> {
    const { subject, experiment, hooks, from } = this;
    this.from = undefined;
    if (from) restoreParts(subject.parts, from);
    else student.restart?.();
    const observed: Observation[] = from ? [...from.state.observed] : [];
    const observe = () => {
      const found = subject.observe?.(student, seed);
      if (found) observed.push(found);
      return found?.dev;
    };
    if (!from) observe();
    const { checkpoint } = hooks;
    const training = await distil(
      student,
      subject.data,
      {
        ...experiment.loss,
        ...own,
        loss,
        epochs,
        learningRate: learningRate ?? rate,
        teacherTemperature: subject.teacherTemperature,
        refreshRanks: experiment.refreshRanks ?? Math.ceil(subject.data.train.length / experiment.batch),
        batch: experiment.batch,
        microbatches: experiment.microbatches,
        patience: experiment.patience ?? epochs,
        rise: experiment.rise,
        seed,
      },
      {
        signal: hooks.signal,
        team: hooks.team,
        onProgress: hooks.onProgress,
        onEpoch: (progress) => {
          const behaviour = observe();
          hooks.onEpoch?.(progress, behaviour);
        },
        checkpoint: checkpoint && {
          every: checkpoint.every,
          save: (position, best) => checkpoint.save(this.snapshot(position, best, observed)),
        },
        resume: from && { position: from.state.position, best: within(from.arrays, 'best') },
      },
    );
    if (training.stopped === 'interrupted') this.interrupted = true;
    return { part: name, training, observed };
  }

  private snapshot(
    position: Position,
    best: NonNullable<Hooks['resume']>['best'],
    observed: Observation[],
  ): Snapshot {
    const { search, runs, warming, done, warm } = this;
    const arrays: Snapshot['arrays'] = {};
    const steps: Record<string, number> = {};
    const put = (prefix: string, values: Record<string, Numbers> = {}) => {
      for (const [key, array] of Object.entries(values)) arrays[`${prefix}/${key}`] = array;
    };
    for (const { name, student } of this.subject.parts) {
      if (!student.state) throw new RangeError(`the student ${name} cannot be written to a checkpoint`);
      put(`now/${name}`, student.state.arrays);
      for (const [key, value] of Object.entries(student.state.steps)) steps[`${name}/${key}`] = value;
    }
    put('best', best);
    this.kept?.forEach(({ parameters }, name) => put(`kept/${name}`, parameters));
    warm?.kept.forEach(({ parameters }, name) => put(`warm/${name}`, parameters));
    const state = { search, best: this.best, runs, warmup: warm?.trainings, warming, done, observed };
    return { state: { ...state, position, steps }, arrays };
  }

  private examine(seed: number, trainings: Trained[], rate: number): Run {
    const { subject, hooks } = this;
    const weights = subject.weights && { weights: subject.weights() };
    const { onRanked } = hooks;
    const test = subject.test(onRanked && ((student, ranking) => onRanked(student, seed, ranking)));
    const run = { seed, trainings, test, ...weights };
    hooks.onMeasured?.(run, rate, () => copiesOf(subject.parts));
    return run;
  }
}

function keep<L extends CandidateList>(parts: readonly Part<L>[]): Kept {
  return new Map(parts.map(({ name, student }) => [name, student.save()]));
}

function copiesOf<L extends CandidateList>(parts: readonly Part<L>[]): PartParameters {
  return Object.fromEntries(parts.map(({ name, student }) => [name, student.save().parameters ?? {}]));
}

/** The parameters of all parts under a prefix of a snapshot's arrays. */
function keptIn<L extends CandidateList>(
  parts: readonly Part<L>[],
  arrays: Snapshot['arrays'],
  prefix: string,
): Kept {
  return new Map(
    parts.map(({ name, student }) => {
      const parameters = within(arrays, `${prefix}/${name}`);
      return [name, Object.assign(() => student.load?.(parameters), { parameters })];
    }),
  );
}

function restoreParts<L extends CandidateList>(parts: readonly Part<L>[], { arrays, state }: Snapshot): void {
  for (const { name, student } of parts)
    student.restore?.({ arrays: within(arrays, `now/${name}`), steps: within(state.steps, name) });
}

/** The entries under a prefix, without it. */
function within<T>(all: Readonly<Record<string, T>>, prefix: string): Record<string, T> {
  const own = Object.entries(all).filter(([name]) => name.startsWith(`${prefix}/`));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length + 1), value]));
}
