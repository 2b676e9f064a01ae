// A run of an experiment in one thread: which units it does, in which order, what it tells on the way, keeps, and makes of an interruption.
import { expect, it } from 'vitest';
import { BestTrainings, type BestTraining } from '../../../../lib/lab/experiment/best';
import type { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import type { ExperimentHooks } from '../../../../lib/lab/experiment/hooks';
import { trainingsOf, unitsOf, type Experiment, type Unit } from '../../../../lib/lab/experiment/plan';
import { runWith } from '../../../../lib/lab/experiment/pool';
import type { DataSummary, UnitResult } from '../../../../lib/lab/experiment/results';
import type { Source } from '../../../../lib/lab/experiment/subject';
import { ExperimentLog } from '../../../../lib/lab/experiment/training-log';
import type { Snapshot } from '../../../../lib/lab/experiment/unit';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { StudentState } from '../../../../lib/lab/training/student';
import { judgementsOf, listOf, RecordingStudent } from '../training/recording';

const TRAIN = Array.from({ length: 3 }, (_, q) => listOf(`t${q}`, [2, 1, 0.5]));
const DEV = [listOf('dev', [3, 2, 1])];

const EXPERIMENT: Experiment = {
  ...{ data: 'data', teacher: 'teacher', zeroShot: [], folds: 2 },
  models: [{ model: 'linear', students: ['linear'] }],
  student: { width: 4 },
  recipes: [
    { name: 'kl', stages: ['kl'] },
    { name: 'ckl', stages: ['ckl'] },
  ],
  conditions: [{ name: 'clean', wrongTeacher: 0, wrongLabels: 0 }],
  ...{ seed: 3, seeds: 2, learningRate: 0.01, rates: [1, 2], epochs: 2, batch: 2 },
  ...{ loss: {}, teacherTemperature: 1, observe: 'nothing' as const },
};
const UNITS = unitsOf(EXPERIMENT);
/** Two folds of the reference and two recipes: 1 + 3 + 3 trainings each. */
const ALL = 14;

const SUMMARY = {
  fullDigest: 'all of it',
  teacherScales: [],
} as unknown as DataSummary;

/** What it was before training differs from what it is after. */
class Stateful extends RecordingStudent {
  constructor() {
    super((list, d, version) => Math.sin(3 * d + version + list.qid.length));
  }
  get state() {
    return { arrays: { now: Float32Array.of(this.version, this.factor) }, steps: { moments: this.moments } };
  }
  restore({ arrays, steps }: StudentState) {
    [this.version, this.factor] = Array.from(arrays.now);
    this.moments = steps.moments;
  }
}

function source(onOpen?: (unit: Unit) => void): Source<CandidateList> {
  const student = new Stateful();
  const untrained = student.save();
  return {
    summary: SUMMARY,
    open: (unit) => {
      onOpen?.(unit);
      return {
        parts: [{ name: 'all', student, start: () => untrained() }],
        data: { train: TRAIN, dev: DEV, qrels: judgementsOf(DEV) },
        teacherTemperature: 1,
        test: (take) => {
          take?.('linear', new Map([[`fold${unit.fold}`, new Map([['d', student.version]])]]));
          const rerank = { queries: ['q'], 'ndcg@10': [student.version], 'mrr@10': [student.factor] };
          return { linear: { rerank, zeroShot: {} } };
        },
        references: () => ({}),
      };
    },
  };
}

const run = (hooks: ExperimentHooks = {}, onOpen?: (unit: Unit) => void) =>
  runWith(EXPERIMENT, () => Promise.resolve(source(onOpen)), hooks);

/** A checkpoint in memory. */
function kept(done: Map<number, Omit<UnitResult, 'unit'>> = new Map(), extra: object = {}) {
  const seen = {
    ...{ done, best: [] as BestTraining[], every: 1, standing: undefined },
    ...{ bound: [] as string[], added: [] as number[], bests: [] as BestTraining[] },
    saved: [] as { place: number; snapshot: Snapshot }[],
    bind: (digest: string) => void seen.bound.push(digest),
    add: (place: number) => void seen.added.push(place),
    keepBest: (best: BestTraining) => void seen.bests.push(best),
    save: (place: number, snapshot: Snapshot) =>
      void seen.saved.push({ place, snapshot: structuredClone(snapshot) }),
    ...extra,
  };
  return { seen, checkpoint: seen as unknown as Checkpoint };
}

const withoutUnit = ({ unit: _, ...result }: UnitResult) => result;
const digits = (value: unknown) => JSON.stringify(value);

it('does all units in the order of the plan, and says so', async () => {
  const [begun, ended, trainings, data, opened] = [[], [], [], [], []] as unknown[][];
  const found = await run(
    {
      onUnit: (unit) => begun.push(unit),
      onResult: ({ unit }) => ended.push(unit),
      onTraining: (done, all) => trainings.push([done, all]),
      onData: (summary) => data.push(summary),
    },
    (unit) => opened.push(unit),
  );
  expect(found.data).toBe(SUMMARY);
  expect(found.results.map(({ unit }) => unit)).toEqual(UNITS);
  for (const units of [begun, ended, opened]) expect(units).toEqual(UNITS);
  expect(data).toEqual([SUMMARY]);
  expect(UNITS.reduce((sum, unit) => sum + trainingsOf(unit, EXPERIMENT), 0)).toBe(ALL);
  expect(trainings).toEqual(Array.from({ length: ALL + 1 }, (_, i) => [i, ALL]));
});

it('of a share does its own units alone, and counts their trainings', async () => {
  const whole = await run();
  for (const index of [0, 1, 2, 3]) {
    const counts: number[][] = [];
    const { results } = await run({
      share: { index, of: 4 },
      onTraining: (done, all) => counts.push([done, all]),
    });
    const places = UNITS.flatMap((_, place) => (place % 4 === index ? [place] : []));
    expect(digits(results)).toBe(digits(places.map((place) => whole.results[place])));
    const own = places.reduce((sum, place) => sum + trainingsOf(UNITS[place], EXPERIMENT), 0);
    expect(counts).toEqual(Array.from({ length: own + 1 }, (_, i) => [i, own]));
  }
});

it('does not do again what a checkpoint holds of its share, and keeps the rest there', async () => {
  const whole = await run();
  const done = new Map([1, 2, 4].map((place) => [place, withoutUnit(whole.results[place])]));
  const { seen, checkpoint } = kept(done);
  const [opened, counts] = [[], []] as [Unit[], number[][]];
  const again = await run({ checkpoint, onTraining: (...count) => counts.push(count) }, (unit) =>
    opened.push(unit),
  );
  expect(digits(again.results)).toBe(digits(whole.results));
  expect(opened).toEqual([0, 3, 5].map((place) => UNITS[place]));
  expect(seen.added).toEqual([0, 3, 5]);
  expect(seen.bound).toEqual(['all of it']);
  expect(counts[0]).toEqual([9, ALL]);
  expect(counts.at(-1)).toEqual([ALL, ALL]);
  // Only finished units, as nothing else was asked for.
  expect(seen.saved).toEqual([]);
  const half = await run({ checkpoint: kept(done).checkpoint, share: { index: 0, of: 2 } });
  expect(digits(half.results)).toBe(digits([0, 2, 4].map((place) => whole.results[place])));
});

it('goes on within the unit that stood half done, and in no other', async () => {
  const whole = await run();
  const first = kept();
  await run({ checkpoint: first.checkpoint, savesUnits: true });
  const snapshots = first.seen.saved.filter(({ place }) => place === 4);
  expect(snapshots.length).toBeGreaterThan(5);
  const { snapshot } = snapshots[snapshots.length >> 1];
  const done = new Map([0, 1, 2, 3].map((place) => [place, withoutUnit(whole.results[place])]));
  const recipes: unknown[][] = [];
  const { checkpoint } = kept(done, { standing: { place: 4, ...snapshot } });
  const again = await run({ checkpoint, onRecipe: (...recipe) => recipes.push(recipe) });
  expect(digits(again.results)).toBe(digits(whole.results));
  // Fewer than the three trainings of the unit, and all three of the next one.
  expect(recipes.filter(([name]) => name === 'kl').length).toBeLessThan(3);
  expect(recipes.filter(([name]) => name === 'ckl')).toHaveLength(3);
});

it('interrupted before anything, reports what its first recipe has, and does no more', async () => {
  const controller = new AbortController();
  controller.abort(new Error('enough'));
  const { seen, checkpoint } = kept();
  const { results } = await run({ signal: controller.signal, checkpoint });
  expect(results.map(({ unit }) => unit)).toEqual(UNITS.slice(0, 2));
  expect(results[1].interrupted).toBe(true);
  // What was cut short is not finished.
  expect(seen.added).toEqual([0]);
});

it('interrupted after a recipe, does no other unit', async () => {
  const controller = new AbortController();
  const { results } = await run({
    signal: controller.signal,
    onResult: ({ unit }) => {
      if (unit.recipe?.name === 'kl') controller.abort(new Error('enough'));
    },
  });
  expect(results.map(({ unit }) => unit)).toEqual(UNITS.slice(0, 2));
  expect(results.some(({ interrupted }) => interrupted)).toBe(false);
});

it('keeps the best training of all, with that of the checkpoint', async () => {
  const parameters = { all: { state: Float32Array.of(7) } };
  const { results } = await run();
  const [training] = results[1].runs;
  const known: BestTraining = { unit: UNITS[1], place: 1, run: training, rate: 5, dev: 2, parameters };
  const best = new BestTrainings('clean');
  const { seen, checkpoint } = kept();
  await run({ best, checkpoint });
  expect(best.all).toHaveLength(1);
  expect(best.all[0].unit.recipe).toBeDefined();
  expect(best.all[0].parameters.all).toBeDefined();
  expect(seen.bests.at(-1)).toEqual(best.all[0]);
  // One that no training reaches: of an earlier unit, with dev as good as can be.
  const unreached = structuredClone(training);
  unreached.trainings.at(-1)!.training.history[0].dev = 2;
  const taken = new BestTrainings('clean');
  const from = kept(new Map(), { best: [{ ...known, run: unreached, unit: undefined }] });
  await run({ best: taken, checkpoint: from.checkpoint });
  expect(taken.all).toEqual([{ ...known, run: unreached }]);
  expect(from.seen.bests).toEqual([]);
  // Where nobody asked for it, what the checkpoint holds is left there.
  await expect(run({ checkpoint: from.checkpoint })).resolves.toBeDefined();
});

it('logs each training under its names, and passes everything on', async () => {
  const log = new ExperimentLog();
  const [recipes, batches, epochs]: unknown[][][] = [[], [], []];
  await run({
    log,
    onRecipe: (...recipe) => recipes.push(recipe),
    onProgress: ({ step }) => batches.push([step]),
    onEpoch: ({ epoch }) => epochs.push([epoch]),
  });
  const lines = log
    .text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(recipes).toHaveLength(ALL - 2);
  const [steps, ends] = ['step', 'epoch'].map((kind) => lines.filter((line) => line.kind === kind));
  expect(steps.map(({ step }) => [step])).toEqual(batches);
  expect(ends.map(({ epoch }) => [epoch])).toEqual(epochs);
  const named = (line: Record<string, unknown>) => [line.training, line.seed, line.rate];
  expect([...new Set(steps.map((line) => digits([line.fold, ...named(line)])))]).toEqual(
    recipes.map((recipe, i) => digits([i < recipes.length / 2 ? 0 : 1, ...recipe])),
  );
});
