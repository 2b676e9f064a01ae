// A unit of an experiment with a stand-in for the student: rates and seeds tried, weights kept, moments forgotten, one look at test.
import { describe, expect, it } from 'vitest';
import { type Experiment, type Recipe, type Unit, unitsOf } from '../../../../lib/lab/experiment/plan';
import { UnitRunner } from '../../../../lib/lab/experiment/unit';
import { ndcgAt } from '../training/recording';
import { EXPERIMENT, recipe, unitOf } from './small-experiment';
import { byRate, looks, observed, refined, source, student, trainings, type Weights } from './traced-student';

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
