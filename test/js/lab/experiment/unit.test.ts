// A unit of an experiment with a stand-in for the student: rates and seeds tried, weights kept, moments forgotten, one look at test.
import { beforeEach, describe, expect, it } from 'vitest';
import { unitsOf, type Experiment, type Recipe, type Unit } from '../../../../lib/lab/experiment/plan';
import type { Observation } from '../../../../lib/lab/experiment/results';
import type { Source, Subject } from '../../../../lib/lab/experiment/subject';
import { UnitRunner, type Snapshot, type UnitHooks } from '../../../../lib/lab/experiment/unit';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { StudentState } from '../../../../lib/lab/training/student';
import { judgementsOf, listOf, ndcgAt, positiveAt, RecordingStudent } from '../training/recording';

const TRAIN = Array.from({ length: 4 }, (_, q) => listOf(`t${q}`, [0.3, 2, 1, 0.5 + q], [0, 1]));
for (const list of TRAIN) list.labels = Uint8Array.of(0, 1, 0, 0);
const DEV = [listOf('dev', [3, 2, 1, 0.5, 0.2])];
const TEST = [listOf('test', [3, 2, 1, 0.5, 0.2])];

const EXPERIMENT: Experiment = {
  data: 'data',
  teacher: 'teacher',
  zeroShot: [],
  folds: 0,
  models: [{ model: 'linear', students: ['linear'] }],
  student: { width: 4 },
  recipes: [],
  conditions: [{ name: 'clean', wrongTeacher: 0, wrongLabels: 0 }],
  seed: 40,
  seeds: 3,
  learningRate: 0.01,
  rates: [3, 1, 0.3],
  epochs: 2,
  batch: 2,
  loss: {},
  teacherTemperature: 2,
  observe: 'dev',
};
const recipe: Recipe = { name: 'kl', stages: ['kl'] };

/** A step's worth of weights: where they come from is all there is to them. */
interface Weights {
  rates: readonly number[];
  /** Since the untrained student. */
  steps: number;
  /** Since the optimizer was restarted. */
  moments: number;
}

/** A student whose weights are the rates of the steps that made them; dev and test rank by the first rate after the start. */
class Traced extends RecordingStudent {
  weights: Weights = { rates: [], steps: 0, moments: 0 };
  private readonly kept: Weights[] = [];

  constructor(rankOf: (weights: Weights) => number) {
    super((list, d, version) =>
      list.qid === 'dev' || list.qid === 'test'
        ? positiveAt(() => rankOf(this.weights))(list, d, version)
        : Math.sin(d + version),
    );
  }
  override step(rate: number) {
    super.step(rate);
    const { rates, steps, moments } = this.weights;
    this.weights = { rates: [...rates, rate], steps: steps + 1, moments: moments + 1 };
  }
  override save() {
    super.save();
    const place = Float32Array.of(this.kept.push(this.weights) - 1, this.version, this.factor);
    const parameters = { place };
    return Object.assign(() => this.load(parameters), { parameters });
  }
  override load({ place }: Record<string, ArrayLike<number>>) {
    // Moments are the optimizer's: they stay when weights come back.
    this.weights = { ...this.kept[place[0]], moments: this.weights.moments };
    [, this.version, this.factor] = Array.from(place);
    this.log.push({ kind: 'load', version: this.version });
  }
  override restart() {
    super.restart();
    this.weights = { ...this.weights, moments: 0 };
  }
}

let student: Traced;
/** What each look at test met. */
let looks: Weights[];
let observed: { seed: number; weights: Weights }[];

function source(rankOf: (weights: Weights) => number): Source<CandidateList> {
  student = new Traced(rankOf);
  const untrained = student.save();
  const subject: Subject<CandidateList> = {
    parts: [{ name: 'traced', student, start: () => untrained() }],
    data: { train: TRAIN, dev: DEV, qrels: judgementsOf([...DEV, ...TEST]) },
    teacherTemperature: 2,
    test: () => {
      looks.push(student.weights);
      return { linear: { rerank: { queries: ['test'], 'ndcg@10': [0], 'mrr@10': [0] }, zeroShot: {} } };
    },
    references: () => ({}),
    observe: (_, seed) => {
      observed.push({ seed, weights: student.weights });
      return { dev: { separation: observed.length, entropy: 0 } } as Observation;
    },
  };
  return { open: () => subject, summary: undefined as never };
}

beforeEach(() => {
  looks = [];
  observed = [];
});

const unitOf = (experiment: Experiment, of?: Recipe): Unit => ({
  ...experiment.models[0],
  condition: experiment.conditions[0],
  fold: 0,
  recipe: of,
});

/** The first rate that some weights were made with: 0 for the untrained. */
const firstRate = ({ rates }: Weights) => rates[0] ?? 0;
const near = (a: number, b: number) => Math.abs(a - b) < 1e-9;

/** Ranks of dev's positive by learning rate: the second of three is the best. */
const byRate = (weights: Weights) =>
  near(firstRate(weights), 0.03)
    ? 3
    : near(firstRate(weights), 0.01)
      ? 1
      : near(firstRate(weights), 0.003)
        ? 2
        : 5;

async function refined(
  change: Partial<Experiment> = {},
  of: Recipe = recipe,
  rankOf: (weights: Weights) => number = byRate,
  hooks?: UnitHooks,
) {
  const experiment = { ...EXPERIMENT, ...change };
  return new UnitRunner(source(rankOf), experiment, hooks).run(unitOf(experiment, of));
}

/** The steps of each training: a training begins with its peak rate, where the optimizer was restarted. */
function trainings() {
  const all: { rates: number[]; lists: string[] }[] = [];
  for (const event of student.log) {
    if (event.kind === 'restart') all.push({ rates: [], lists: [] });
    if (event.kind === 'step') all.at(-1)!.rates.push(event.rate);
    if (event.kind === 'backward') all.at(-1)!.lists.push(event.list.qid);
  }
  return all;
}

describe('the search of the learning rate', () => {
  it('tries each factor, and takes the one that is best on dev, which is neither the first nor the last', async () => {
    const { search, rate } = await refined();
    expect(search.map((one) => one.rate)).toEqual([0.03, 0.01, 0.003].map((r) => expect.closeTo(r, 12)));
    expect(search.map(({ dev }) => dev)).toEqual([3, 1, 2].map((rank) => expect.closeTo(ndcgAt(rank), 12)));
    expect(rate).toBeCloseTo(0.01, 12);
    expect(trainings().map(({ rates }) => rates[0])).toEqual(
      [0.03, 0.01, 0.003, 0.01, 0.01].map((r) => expect.closeTo(r, 12)),
    );
  });

  it('takes the first of several that are equal', async () => {
    const { rate } = await refined({}, recipe, (weights) => (weights.steps > 0 ? 2 : 5));
    expect(rate).toBeCloseTo(0.03, 12);
  });

  it('looks at test with the weights of the rate that it took, not with those tried last', async () => {
    const { runs } = await refined();
    expect(looks).toHaveLength(3);
    for (const { rates } of looks) expect(rates[0]).toBeCloseTo(0.01, 12);
    expect(runs.map(({ trainings }) => trainings[0].training.history.map(({ dev }) => dev))).toEqual(
      Array(3).fill([5, 1, 1].map((rank) => expect.closeTo(ndcgAt(rank), 12))),
    );
  });
});

describe('the seeds', () => {
  it('are as many different ones as were asked for, the first that of the search', async () => {
    const { runs } = await refined();
    expect(runs.map(({ seed }) => seed)).toEqual([40, 41, 42]);
    const orders = trainings().map(({ lists }) => lists.join());
    // The three rates with one seed, in one order; then one order a seed.
    expect(new Set(orders.slice(0, 3)).size).toBe(1);
    expect(new Set(orders.slice(2)).size).toBe(3);
    expect(observed.map(({ seed }) => seed)).toEqual([
      ...Array(9).fill(40),
      ...Array(3).fill(41),
      ...Array(3).fill(42),
    ]);
  });
});

describe('every training', () => {
  it('begins at the same weights with a new optimizer', async () => {
    await refined();
    for (const [i, { weights }] of observed.entries())
      // Before training, and after each of two epochs of two batches.
      expect([weights.steps, weights.moments]).toEqual([2 * (i % 3), 2 * (i % 3)]);
  });

  it('of a recipe with two stages begins its second at the best of the first, again with a new optimizer', async () => {
    // The best after the first stage are the weights of its first epoch, of two steps.
    const rankOf = ({ steps }: Weights) => ({ 0: 5, 2: 2, 4: 4, 6: 4 })[steps] ?? 4;
    const both: Recipe = { name: 'kl+ckl', stages: ['kl', 'ckl'] };
    const { runs } = await refined({ epochs: 4, rates: [1], seeds: 1 }, both, rankOf);
    expect(runs[0].trainings.map(({ training }) => training.bestEpoch)).toEqual([1, 0]);
    expect(observed.map(({ weights: { steps, moments } }) => [steps, moments])).toEqual([
      [0, 0],
      [2, 2],
      [4, 4],
      [2, 0],
      [4, 2],
      [6, 4],
    ]);
    expect(looks.map(({ steps }) => steps)).toEqual([2]);
  });

  it('gets the options of its stage before those of the experiment', async () => {
    const staged: Recipe = {
      name: 'staged',
      stages: [
        { loss: 'kl', epochs: 1, learningRate: 0.5 },
        { loss: 'nll', epochs: 3 },
      ],
    };
    await refined({ rates: [1], seeds: 1 }, staged, () => 3);
    expect(trainings().map(({ rates }) => rates.length)).toEqual([2, 6]);
    expect(trainings().map(({ rates }) => rates[0])).toEqual([0.5, 0.01]);
  });
});

it('refreshes ranks once per epoch, unless told otherwise', async () => {
  /** What the student was asked in a training with batches of three of the four lists, which makes two of them. */
  const logOf = async (refreshRanks?: number) => {
    await refined(
      { rates: [1], seeds: 1, batch: 3, epochs: 3, refreshRanks },
      { name: 'ckl', stages: ['ckl'] },
    );
    return student.log.map(({ kind }) => kind).join(' ');
  };
  const byDefault = await logOf();
  expect(byDefault).toBe(await logOf(2));
  expect(byDefault).not.toBe(await logOf(1));
  expect(byDefault).not.toBe(await logOf(3));
});

it('a training ends after as many epochs without gain as the experiment has patience, or never by that', async () => {
  const epochs = async (patience?: number) => {
    const { runs } = await refined(
      { rates: [1], seeds: 1, epochs: 5, patience },
      recipe,
      ({ steps }) => 2 + steps,
    );
    const { history, stopped } = runs[0].trainings[0].training;
    return [history.length - 1, stopped];
  };
  expect(await epochs(2)).toEqual([2, 'early']);
  expect(await epochs()).toEqual([5, 'finished']);
});

it('weights of a student that reports them are those that were measured', async () => {
  const experiment = { ...EXPERIMENT, rates: [1], seeds: 2 };
  const { open } = source(byRate);
  const weights = () => [...student.weights.rates];
  const telling = { open: (unit: Unit) => ({ ...open(unit), weights }), summary: undefined as never };
  const { runs } = await new UnitRunner(telling, experiment).run(unitOf(experiment, recipe));
  expect(runs.map((run) => run.weights)).toEqual(looks.map(({ rates }) => rates));
  const plain = await refined({ rates: [1], seeds: 1 });
  expect(plain.runs[0]).not.toHaveProperty('weights');
});

it('what is not observed leaves nothing in the results', async () => {
  const experiment = { ...EXPERIMENT, rates: [1], seeds: 1 };
  const { open } = source(byRate);
  const blind = {
    open: (unit: Unit) => ({ ...open(unit), observe: () => undefined }),
    summary: undefined as never,
  };
  const { runs } = await new UnitRunner(blind, experiment).run(unitOf(experiment, recipe));
  expect(runs[0].trainings.map(({ observed }) => observed)).toEqual([[]]);
});

describe('a student without an optimizer of its own', () => {
  it('is trained all the same', async () => {
    const experiment = { ...EXPERIMENT, rates: [1], seeds: 1 };
    const from = source(byRate);
    Object.assign(student, { restart: undefined });
    const { runs } = await new UnitRunner(from, experiment).run(unitOf(experiment, recipe));
    expect(runs).toHaveLength(1);
    expect(student.weights.steps).toBeGreaterThan(0);
  });
});

describe('the warm-up', () => {
  const warmup = { loss: 'nll', epochs: 1, learningRate: 0.2 } as const;
  /** Best after the warm-up's epoch; worse with every rate after it. */
  const rankOf = ({ steps }: Weights) => (steps === 0 ? 5 : steps === 2 ? 2 : 3);

  it('is trained once, from the untrained student; every training begins at it', async () => {
    await refined({ warmup }, recipe, rankOf);
    const rates = trainings().map(({ rates }) => rates);
    expect(rates.map(([first]) => first)).toEqual(
      [0.2, 0.03, 0.01, 0.003, 0.03, 0.03].map((r) => expect.closeTo(r, 12)),
    );
    expect(rates[0]).toHaveLength(2);
    // Two looks of the warm-up, then three of each training, which begins with two steps behind it and no moments.
    observed.slice(2).forEach(({ weights: { steps, moments, rates } }, i) => {
      expect([steps, moments]).toEqual([2 + 2 * (i % 3), 2 * (i % 3)]);
      expect(rates[0]).toBe(0.2);
    });
  });

  it('is told of with its own rate, or the rate of all', async () => {
    const told: unknown[] = [];
    const hooks = { onRecipe: (...recipe: unknown[]) => void told.push(recipe) };
    await refined({ warmup, rates: [1], seeds: 1 }, recipe, rankOf, hooks);
    await refined(
      { warmup: { ...warmup, learningRate: undefined }, rates: [1], seeds: 1 },
      recipe,
      rankOf,
      hooks,
    );
    const kl = ['kl', 40, 0.01];
    expect(told).toEqual([['nll', 40, 0.2], kl, ['nll', 40, 0.01], kl]);
  });

  it('is measured by the unit without a recipe, beside the untrained student', async () => {
    const experiment = { ...EXPERIMENT, warmup };
    const { start, runs, search } = await new UnitRunner(source(rankOf), experiment).run(unitOf(experiment));
    expect(start).toBeDefined();
    expect(search).toEqual([]);
    expect(runs.map(({ seed }) => seed)).toEqual([40]);
    expect(looks.map(({ steps }) => steps)).toEqual([0, 2]);
  });

  it('is shared by the units of one model, condition and fold, and by no others', async () => {
    const experiment: Experiment = {
      ...EXPERIMENT,
      ...{ warmup, rates: [1], seeds: 1, folds: 2, recipes: [recipe, { name: 'nll', stages: ['nll'] }] },
    };
    const runner = new UnitRunner(source(rankOf), experiment);
    const units = unitsOf(experiment);
    expect(units).toHaveLength(6);
    const warmed: number[] = [];
    for (const unit of units) {
      const before = trainings().length;
      await runner.run(unit);
      warmed.push(
        trainings()
          .slice(before)
          .filter(({ rates }) => rates[0] === 0.2).length,
      );
    }
    expect(warmed).toEqual([1, 0, 0, 1, 0, 0]);
  });
});

it('a unit that is interrupted in its warm-up has no training of its recipe', async () => {
  const controller = new AbortController();
  const names: string[] = [];
  const result = await refined({ warmup: { loss: 'nll', epochs: 2 } }, recipe, byRate, {
    signal: controller.signal,
    onRecipe: (name) => names.push(name),
    onProgress: () => controller.abort(),
  });
  expect(result).toMatchObject({ search: [], runs: [], rate: 0.01, interrupted: true });
  expect(names).toEqual(['nll']);
  expect(looks).toEqual([]);
});

it('a unit that is interrupted in its first stage does not begin its second', async () => {
  const controller = new AbortController();
  const { runs, interrupted } = await refined(
    { rates: [1], seeds: 1 },
    { name: 'kl+nll', stages: ['kl', 'nll'] },
    byRate,
    {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    },
  );
  expect(interrupted).toBe(true);
  expect(runs[0].trainings.map(({ training }) => training.stopped)).toEqual(['interrupted']);
});

it('a student without a state is refused by name where a checkpoint is wanted', async () => {
  const checkpoint = { every: 1, save: async () => {} };
  await expect(refined({}, recipe, byRate, { checkpoint })).rejects.toThrow(
    'the student traced cannot be written to a checkpoint',
  );
});

const staged: Recipe = { name: 'kl+nll', stages: ['kl', 'nll'] };

it.each<[string, Recipe, Partial<Experiment>]>([
  ['one stage', recipe, {}],
  ['two stages', staged, { rates: [3, 1], seeds: 2 }],
  ['a warm-up', recipe, { warmup: { loss: 'nll', epochs: 2, learningRate: 0.2 }, rates: [3, 1], seeds: 2 }],
])(
  'a unit of %s that goes on from a snapshot ends with the result of one that was never stopped',
  async (_, of, change) => {
    const experiment = { ...EXPERIMENT, ...change };
    class Stateful extends RecordingStudent {
      get state() {
        return {
          arrays: { now: Float32Array.of(this.version, this.factor) },
          steps: { moments: this.moments },
        };
      }
      override load(parameters: Record<string, ArrayLike<number>>) {
        expect(Object.keys(parameters)).toEqual(['state']);
        super.load(parameters);
      }
      restore({ arrays, steps }: StudentState) {
        // Its own, and nothing of what else a snapshot holds.
        expect([Object.keys(arrays), Object.keys(steps)]).toEqual([['now'], ['moments']]);
        [this.version, this.factor] = Array.from(arrays.now);
        this.moments = steps.moments;
      }
    }
    const source = (): Source<CandidateList> => {
      const stateful = new Stateful((_, d, version) => Math.sin(3 * d + version));
      const untrained = stateful.save();
      const measured = () => ({
        queries: ['test'],
        'ndcg@10': [stateful.version],
        'mrr@10': [stateful.factor],
      });
      const subject: Subject<CandidateList> = {
        parts: [{ name: 'stateful', student: stateful, start: () => untrained() }],
        data: { train: TRAIN, dev: DEV, qrels: judgementsOf([...DEV, ...TEST]) },
        teacherTemperature: 2,
        test: () => ({ linear: { rerank: measured(), zeroShot: {} } }),
        references: () => ({}),
        observe: () => ({ dev: { separation: stateful.version, entropy: 0 } }) as Observation,
      };
      return { open: () => subject, summary: undefined as never };
    };
    const unit = unitOf(experiment, of);
    const snapshots: Snapshot[] = [];
    /** Batches that were done when each snapshot was taken. */
    const batchesBefore: number[] = [];
    let batches = 0;
    const save = async (snapshot: Snapshot) => {
      snapshots.push(structuredClone(snapshot));
      batchesBefore.push(batches);
    };
    const whole = await new UnitRunner(source(), experiment, {
      checkpoint: { every: 1, save },
      onProgress: () => void batches++,
    }).run(unit);
    expect(whole.runs).toHaveLength(experiment.seeds);
    expect(snapshots.length).toBeGreaterThan(10);
    expect(snapshots.some(({ state }) => state.done.length > 0)).toBe(of === staged);
    expect(snapshots.some(({ state }) => state.warming)).toBe(experiment.warmup !== undefined);
    for (const [i, snapshot] of snapshots.entries()) {
      let left = 0;
      const again = new UnitRunner(source(), experiment, { onProgress: () => void left++ });
      expect(await again.run(unit, snapshot)).toEqual(whole);
      // What was done before is not done again.
      expect(left).toBe(batches - batchesBefore[i]);
      // A warm-up is in progress until it is there.
      expect(snapshot.state.warming).toBe(experiment.warmup !== undefined && !snapshot.state.warmup);
      // A run that goes on may be interrupted as well, and go on from there.
      const later: Snapshot[] = [];
      const keep = async (found: Snapshot) => void later.push(structuredClone(found));
      const checkpoint = { every: 3, save: keep };
      await new UnitRunner(source(), experiment, { checkpoint }).run(unit, snapshot);
      const next = later[later.length >> 1];
      if (next) expect(await new UnitRunner(source(), experiment).run(unit, next)).toEqual(whole);
    }
  },
);
