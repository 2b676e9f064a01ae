// One unit of a comparison: warm-up, learning-rate search on dev, a training a seed, and one look at test.
import type { LossName } from '../index.js';
import { measure, runOf, scoresOf } from '../train/rerank.js';
import { distil } from '../train/distil.js';
import type { Evaluation } from '../metrics/index.js';
import type { BagList } from './bags.js';
import { behaviourOn, type Behaviour } from './behaviour.js';
import { trainingLists, type ComparisonData, type Fold } from './compare-data.js';
import { figureData } from './compare-figures.js';
import { studentKinds, type Entrant } from './compare-students.js';
import type {
  Behaved,
  Behaviours,
  CompareOptions,
  TestValues,
  Unit,
  UnitResult,
  Values,
} from './compare-types.js';

/** How many documents a search brings. */
const DEPTH = 100;
/** Training lists that Figure 3 follows. */
const FOLLOWED = 60;

type Parameters = Record<string, Float32Array>;

/** What a training leaves. */
interface Trained {
  entrant: Entrant;
  /** Dev nDCG@10 before training and after each epoch. */
  dev: number[];
  bestEpoch: number;
  behaviour: Behaviours;
}

/** Where a training happens. */
interface Place {
  make: () => Entrant;
  fold: Fold;
  train: readonly BagList[];
  seed: number;
  follow: boolean;
}

/** Runs units one after the other. The result of a unit depends on data, options and unit alone, not on what ran before. */
export class UnitRunner {
  private readonly makers = new Map<string, () => Entrant>();
  private lists: { key: string; train: readonly BagList[] } = { key: '', train: [] };
  private warm: { key: string; bySeed: Map<number, Trained & { parameters: Parameters }> } = {
    key: '',
    bySeed: new Map(),
  };

  /** @param onTraining called after each training */
  constructor(
    private readonly data: ComparisonData,
    private readonly options: CompareOptions,
    private readonly onTraining: () => void = () => undefined,
  ) {}

  async run(unit: Unit): Promise<UnitResult> {
    return unit.recipe ? this.refine(unit, unit.recipe.stages) : this.reference(unit);
  }

  private async refine(unit: Unit, stages: readonly LossName[]): Promise<UnitResult> {
    const { rates, seeds, seed } = this.options;
    const search: UnitResult['search'] = [];
    let best: { trained: Trained; rate: number; dev: number } | undefined;
    for (const factor of rates) {
      const rate = factor * studentKinds[unit.student].rate;
      const trained = await this.train(unit, stages, seed, rate);
      const dev = Math.max(...trained.dev);
      search.push({ rate, dev });
      if (!best || dev > best.dev) best = { trained, rate, dev };
    }
    const runs = [this.examine(unit, seed, best!.trained)];
    for (let s = 1; s < seeds; s++) {
      const trained = await this.train(unit, stages, seed + s, best!.rate);
      runs.push(this.examine(unit, seed + s, trained));
    }
    return { unit, search, rate: best!.rate, runs };
  }

  /** The untrained student and the warm-up, measured. */
  private async reference(unit: Unit): Promise<UnitResult> {
    const { seeds, seed, warmup } = this.options;
    const { fold } = this.place(unit, seed);
    const starts: TestValues[] = [];
    const runs: UnitResult['runs'] = [];
    let figures: UnitResult['figures'];
    for (let s = 0; s < seeds; s++) {
      const place = this.place(unit, seed + s);
      if (unit.condition === 'clean') starts.push(this.test(unit, place.make()));
      if (warmup) runs.push(this.examine(unit, seed + s, await this.warmedUp(unit, seed + s)));
      this.onTraining();
      if (place.follow) {
        const { student } = await this.begin(unit, seed);
        figures = figureData(student, fold.dev, {
          ...this.options,
          teacherTemperature: fold.teacherTemperature,
        });
      }
    }
    const teacher = toValues(
      measure(
        runOf(fold.test, (list) => list.teacher),
        fold.qrels,
      ),
    );
    return { unit, search: [], rate: studentKinds[unit.student].rate, runs, starts, figures, teacher };
  }

  /** Trains from the warm-up on; two stages share the epochs. */
  private async train(unit: Unit, stages: readonly LossName[], seed: number, rate: number): Promise<Trained> {
    const place = this.place(unit, seed);
    let entrant = await this.begin(unit, seed);
    let done: Trained | undefined;
    let epochsLeft = this.options.epochs;
    for (const [s, loss] of stages.entries()) {
      const epochs = Math.max(1, Math.floor(epochsLeft / (stages.length - s)));
      epochsLeft -= epochs;
      const trained = await this.stage(entrant, place, loss, epochs, rate);
      done = done ? join(done, trained) : trained;
      // The next stage starts with a new optimizer.
      if (s + 1 < stages.length) entrant = withParameters(place.make(), entrant.student.parameters);
    }
    this.onTraining();
    return done!;
  }

  private async stage(
    entrant: Entrant,
    { fold, train, seed, follow }: Place,
    loss: LossName,
    epochs: number,
    learningRate: number,
  ): Promise<Trained> {
    const { student } = entrant;
    const { batch, gamma, alpha, lambda } = this.options;
    const behaviour: Behaviours = {
      train: { separation: [], entropy: [] },
      dev: { separation: [], entropy: [] },
    };
    const observe = () => {
      if (!follow) return;
      add(behaviour.train, behaviourOn(student, train.slice(0, FOLLOWED)));
      add(behaviour.dev, behaviourOn(student, fold.dev));
    };
    observe();
    const { history, bestEpoch } = await distil(
      student,
      { train, dev: fold.dev, qrels: fold.qrels },
      {
        loss,
        gamma,
        alpha,
        lambda,
        teacherTemperature: fold.teacherTemperature,
        refreshRanks: Math.ceil(train.length / batch),
        epochs,
        batch,
        learningRate,
        patience: epochs,
        seed,
      },
      { onEpoch: observe },
    );
    return { entrant, dev: history.map(({ dev }) => dev), bestEpoch, behaviour };
  }

  /** A student at the start of refinement: a copy of the warm-up, or untrained. */
  private async begin(unit: Unit, seed: number): Promise<Entrant> {
    const { make } = this.place(unit, seed);
    return this.options.warmup
      ? withParameters(make(), (await this.warmedUp(unit, seed)).parameters)
      : make();
  }

  private async warmedUp(unit: Unit, seed: number): Promise<Trained & { parameters: Parameters }> {
    const key = `${unit.student} ${unit.condition} ${unit.fold}`;
    if (this.warm.key !== key) this.warm = { key, bySeed: new Map() };
    let warm = this.warm.bySeed.get(seed);
    if (!warm) {
      const place = this.place(unit, seed);
      const { warmup, warmupEpochs } = this.options;
      const rate = studentKinds[unit.student].rate;
      const trained = await this.stage(
        place.make(),
        { ...place, follow: false },
        warmup!,
        warmupEpochs,
        rate,
      );
      warm = { ...trained, parameters: copyOf(trained.entrant.student.parameters) };
      this.warm.bySeed.set(seed, warm);
    }
    return warm;
  }

  private place(unit: Unit, seed: number): Place {
    const fold = this.data.folds[unit.fold];
    const key = `${unit.condition} ${unit.fold}`;
    if (this.lists.key !== key)
      this.lists = { key, train: trainingLists(fold, unit.condition, this.options) };
    const maker = `${unit.student} ${seed}`;
    let make = this.makers.get(maker);
    if (!make) {
      // Only those of the student at hand are worth their memory.
      for (const other of this.makers.keys())
        if (!other.startsWith(`${unit.student} `)) this.makers.delete(other);
      this.makers.set(maker, (make = studentKinds[unit.student].prepare(this.data, seed)));
    }
    const follow = unit.condition === 'clean' && unit.fold === 0 && seed === this.options.seed;
    return { make, fold, train: this.lists.train, seed, follow };
  }

  private examine(unit: Unit, seed: number, trained: Trained): UnitResult['runs'][number] {
    const { dev, bestEpoch, behaviour } = trained;
    const followed = behaviour.dev.entropy.length > 0 && { behaviour };
    return { seed, dev, bestEpoch, test: this.test(unit, trained.entrant), ...followed };
  }

  /** The look at test. */
  private test(unit: Unit, { student, search }: Entrant): TestValues {
    const { collection, zeroShot, folds } = this.data;
    const { test, qrels } = folds[unit.fold];
    const queries = new Map(test.map((list) => [list.qid, list.query]));
    const tasks = unit.condition === 'clean' ? zeroShot : [];
    return {
      rerank: toValues(measure(runOf(test, scoresOf(student)), qrels)),
      full: toValues(measure(search(collection, queries, DEPTH), qrels)),
      zeroShot: Object.fromEntries(
        tasks.map((task) => [task.name, toValues(measure(search(task, task.queries, DEPTH), task.qrels))]),
      ),
    };
  }
}

function toValues({ queries, perQuery }: Evaluation): Values {
  return { queries, 'ndcg@10': [...perQuery['ndcg@10']], 'mrr@10': [...perQuery['mrr@10']] };
}

function add(to: Behaved, { separation, entropy }: Behaviour): void {
  to.separation.push(separation);
  to.entropy.push(entropy);
}

/** Two stages as one training; the second begins where the first ended, which is not told twice. */
function join(first: Trained, second: Trained): Trained {
  const firstEpochs = first.dev.length - 1;
  const rest = (a: Behaved, b: Behaved): Behaved => ({
    separation: [...a.separation, ...b.separation.slice(1)],
    entropy: [...a.entropy, ...b.entropy.slice(1)],
  });
  return {
    entrant: second.entrant,
    dev: [...first.dev, ...second.dev.slice(1)],
    bestEpoch: second.bestEpoch === 0 ? first.bestEpoch : firstEpochs + second.bestEpoch,
    behaviour: {
      train: rest(first.behaviour.train, second.behaviour.train),
      dev: rest(first.behaviour.dev, second.behaviour.dev),
    },
  };
}

const copyOf = (parameters: Parameters): Parameters =>
  Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, values.slice()]));

/** The entrant, with other parameters than it was made with; nothing was computed from the old ones yet. */
function withParameters(entrant: Entrant, parameters: Parameters): Entrant {
  for (const [name, values] of Object.entries(entrant.student.parameters)) values.set(parameters[name]);
  return entrant;
}
