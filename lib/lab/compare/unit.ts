// One unit of a comparison: warm-up, learning-rate search on dev, a training a seed, and one look at test.
import type { LossName } from '../../index.js';
import type { Evaluation } from '../../metrics/index.js';
import { distil } from '../training/distil.js';
import { measure, runOf, scoresOf } from '../training/rerank.js';
import type { BagList } from '../students/words/bags.js';
import { behaviourOn, type Behaviour } from '../refine/behaviour.js';
import { trainingLists, type ComparisonData, type SearchTask } from './data.js';
import { figureData } from './figures.js';
import { makeModel, modelRates, studentKinds, type ModelName, type StudentName } from './students.js';
import type {
  Behaved,
  Behaviours,
  CompareOptions,
  OfStudents,
  TestValues,
  Unit,
  UnitResult,
  Values,
} from './types.js';
import { draw, shorten } from '../refine/shorten.js';
import { negativesOf, type Model } from '../students/students.js';
import type { Parameters } from '../students/table-student.js';
import type { Searcher } from '../students/two-stage.js';

/** How many documents a search brings. */
const DEPTH = 100;
/** Training lists that Figure 3 follows. */
const FOLLOWED = 60;

/** What a training leaves, beside the student as it then is. */
interface Trained {
  /** Dev nDCG@10 before training and after each epoch. */
  dev: number[];
  bestEpoch: number;
  behaviour: Behaviours;
}

/** Runs units one after the other. The result of a unit depends on data, options and unit alone, not on what ran before. */
export class UnitRunner {
  /** The model at hand, and its parameters before any training; only one is kept, for its memory. */
  private held:
    { name: ModelName; model: Model; start: Parameters; searchers: Map<StudentName, Searcher> } | undefined;
  private lists: { key: string; train: readonly BagList[]; short: readonly BagList[] } | undefined;
  private warm: { key: string; trained: Trained; parameters: Parameters } | undefined;

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
    const student = this.model(unit);
    const search: UnitResult['search'] = [];
    let best: { trained: Trained; rate: number; dev: number; parameters: Parameters } | undefined;
    for (const factor of rates) {
      const rate = factor * modelRates[unit.model];
      const trained = await this.train(unit, stages, seed, rate);
      const dev = Math.max(...trained.dev);
      search.push({ rate, dev });
      if (!best || dev > best.dev) best = { trained, rate, dev, parameters: student.save().parameters! };
    }
    const { rate } = best!;
    student.load(best!.parameters);
    const runs = [this.examine(unit, seed, best!.trained)];
    for (let s = 1; s < seeds; s++) {
      runs.push(this.examine(unit, seed + s, await this.train(unit, stages, seed + s, rate)));
    }
    return { unit, search, rate, runs };
  }

  /** The untrained student and the warm-up, measured. */
  private async reference(unit: Unit): Promise<UnitResult> {
    const { seed, warmup } = this.options;
    const fold = this.data.folds[unit.fold];
    const student = this.model(unit);
    student.load(this.held!.start);
    const start = unit.condition === 'clean' ? this.test(unit) : undefined;
    const runs: UnitResult['runs'] = [];
    await this.begin(unit);
    if (warmup) runs.push(this.examine(unit, seed, this.warm!.trained));
    const { teacherTemperature } = fold;
    const figures = this.follows(unit, seed)
      ? figureData(student, fold.dev, { ...this.options, teacherTemperature })
      : undefined;
    const ranking = runOf(fold.test, (list) => list.teacher);
    this.onTraining();
    return {
      unit,
      search: [],
      rate: modelRates[unit.model],
      runs,
      start,
      figures,
      teacher: toValues(measure(ranking, fold.qrels)),
    };
  }

  /** Trains from the warm-up on; two stages share the epochs. */
  private async train(unit: Unit, stages: readonly LossName[], seed: number, rate: number): Promise<Trained> {
    await this.begin(unit);
    let done: Trained | undefined;
    let epochsLeft = this.options.epochs;
    for (const [s, loss] of stages.entries()) {
      const epochs = Math.max(1, Math.floor(epochsLeft / (stages.length - s)));
      epochsLeft -= epochs;
      const trained = await this.stage(unit, loss, epochs, seed, rate);
      done = done ? join(done, trained) : trained;
    }
    this.onTraining();
    return done!;
  }

  /** Trains the student on from where it is, with a new optimizer. */
  private async stage(
    unit: Unit,
    loss: LossName,
    epochs: number,
    seed: number,
    learningRate: number,
  ): Promise<Trained> {
    const student = this.model(unit);
    const { dev, qrels, teacherTemperature } = this.data.folds[unit.fold];
    const { train, short } = this.trainingLists(unit);
    const drawn = negativesOf(unit.model) === 'drawn';
    const { batch, gamma, alpha, lambda } = this.options;
    const behaviour: Behaviours = {
      train: { separation: [], entropy: [] },
      dev: { separation: [], entropy: [] },
    };
    const observe = () => {
      if (!this.follows(unit, seed)) return;
      add(behaviour.train, behaviourOn(student, short.slice(0, FOLLOWED)));
      add(behaviour.dev, behaviourOn(student, dev));
    };
    student.restart();
    observe();
    const { history, bestEpoch } = await distil(
      student,
      {
        train: drawn ? train : short,
        dev,
        qrels,
        sample: drawn ? (list, random) => draw(list, this.options.docs, random) : undefined,
        ranked: short,
      },
      {
        loss,
        gamma,
        alpha,
        lambda,
        teacherTemperature,
        refreshRanks: Math.ceil(train.length / batch),
        epochs,
        batch,
        learningRate,
        patience: epochs,
        seed,
      },
      { onEpoch: observe },
    );
    return { dev: history.map((epoch) => epoch.dev), bestEpoch, behaviour };
  }

  /** Puts the student where refinement starts: at the warm-up, or untrained. */
  private async begin(unit: Unit): Promise<void> {
    const student = this.model(unit);
    const { warmup, warmupEpochs, seed } = this.options;
    student.load(this.held!.start);
    if (!warmup) return;
    const key = `${unit.model} ${unit.condition} ${unit.fold}`;
    if (this.warm?.key !== key) {
      const trained = await this.stage(unit, warmup, warmupEpochs, seed, modelRates[unit.model]);
      this.warm = { key, trained, parameters: student.save().parameters! };
    }
    student.load(this.warm.parameters);
  }

  private model({ model: name, students }: Unit): Model {
    if (this.held?.name !== name) {
      this.held = undefined;
      this.warm = undefined;
      const model = makeModel(this.data, name, this.options.seed);
      const searchers = new Map(students.map((student) => [student, studentKinds[student].searcher(model)]));
      this.held = { name, model, start: model.save().parameters!, searchers };
    }
    return this.held.model;
  }

  private trainingLists({ condition, fold }: Unit) {
    const key = `${condition} ${fold}`;
    if (this.lists?.key !== key) {
      const train = trainingLists(this.data.folds[fold], condition, this.options);
      this.lists = { key, train, short: train.map((list) => shorten(list, this.options.docs)) };
    }
    return this.lists;
  }

  /** Whether the paper's figures are drawn from this training. */
  private follows({ condition, fold }: Unit, seed: number): boolean {
    return condition === 'clean' && fold === 0 && seed === this.options.seed;
  }

  private examine(unit: Unit, seed: number, trained: Trained): UnitResult['runs'][number] {
    const { dev, bestEpoch, behaviour } = trained;
    const followed = behaviour.dev.entropy.length > 0 && { behaviour };
    return { seed, dev, bestEpoch, test: this.test(unit), ...followed };
  }

  /** The look at test, with the model as it is. */
  private test(unit: Unit): OfStudents<TestValues> {
    const model = this.model(unit);
    const { collection, zeroShot, folds } = this.data;
    const { test, queries, qrels } = folds[unit.fold];
    const tasks = unit.condition === 'clean' ? zeroShot : [];
    const rerank = toValues(measure(runOf(test, scoresOf(model)), qrels));
    return Object.fromEntries(
      unit.students.map((student) => {
        const searcher = this.held!.searchers.get(student)!;
        const search = (task: Pick<SearchTask, 'docids' | 'bags' | 'queries' | 'qrels'>) =>
          toValues(measure(searcher.search(task, task.queries, DEPTH), task.qrels));
        const zeroShot = Object.fromEntries(tasks.map((task) => [task.name, search(task)]));
        return [student, { rerank, full: search({ ...collection, queries, qrels }), zeroShot }];
      }),
    );
  }
}

function toValues({ queries, perQuery }: Evaluation): Values {
  return { queries, 'ndcg@10': [...perQuery['ndcg@10']], 'mrr@10': [...perQuery['mrr@10']] };
}

function add(to: Behaved, { separation, entropy }: Behaviour): void {
  to.separation.push(separation);
  to.entropy.push(entropy);
}

/** Two stages as one training; the second begins with what was best of the first, which is not told twice. */
function join(first: Trained, second: Trained): Trained {
  const rest = (a: Behaved, b: Behaved): Behaved => ({
    separation: [...a.separation, ...b.separation.slice(1)],
    entropy: [...a.entropy, ...b.entropy.slice(1)],
  });
  return {
    dev: [...first.dev, ...second.dev.slice(1)],
    bestEpoch: second.bestEpoch === 0 ? first.bestEpoch : first.dev.length - 1 + second.bestEpoch,
    behaviour: {
      train: rest(first.behaviour.train, second.behaviour.train),
      dev: rest(first.behaviour.dev, second.behaviour.dev),
    },
  };
}
