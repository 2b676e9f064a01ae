// A stand-in for the student in tests of units: its weights say which steps made them, and each look at test or observation is recorded.
import type { Experiment, Recipe } from '../../../../lib/lab/experiment/plan';
import type { Observation } from '../../../../lib/lab/experiment/results';
import type { Source, Subject } from '../../../../lib/lab/experiment/subject';
import { type UnitHooks, UnitRunner } from '../../../../lib/lab/experiment/unit';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import { judgementsOf, positiveAt, RecordingStudent } from '../training/recording';
import { DEV, EXPERIMENT, recipe, TEST, TRAIN, unitOf } from './small-experiment';

/** A step's worth of weights: where they come from is all there is to them. */
export interface Weights {
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

export let student: Traced;
/** What each look at test met. */
export let looks: Weights[];
export let observed: { seed: number; weights: Weights }[];

export function source(rankOf: (weights: Weights) => number): Source<CandidateList> {
  student = new Traced(rankOf);
  looks = [];
  observed = [];
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

/** The first rate that some weights were made with: 0 for the untrained. */
const firstRate = ({ rates }: Weights) => rates[0] ?? 0;
const near = (a: number, b: number) => Math.abs(a - b) < 1e-9;

/** Ranks of dev's positive by learning rate: the second of three is the best. */
export const byRate = (weights: Weights) =>
  near(firstRate(weights), 0.03)
    ? 3
    : near(firstRate(weights), 0.01)
      ? 1
      : near(firstRate(weights), 0.003)
        ? 2
        : 5;

export async function refined(
  change: Partial<Experiment> = {},
  of: Recipe = recipe,
  rankOf: (weights: Weights) => number = byRate,
  hooks?: UnitHooks,
) {
  const experiment = { ...EXPERIMENT, ...change };
  return new UnitRunner(source(rankOf), experiment, hooks).run(unitOf(experiment, of));
}

/** The steps of each training: a training begins with its peak rate, where the optimizer was restarted. */
export function trainings() {
  const all: { rates: number[]; lists: string[] }[] = [];
  for (const event of student.log) {
    if (event.kind === 'restart') all.push({ rates: [], lists: [] });
    if (event.kind === 'step') all.at(-1)!.rates.push(event.rate);
    if (event.kind === 'backward') all.at(-1)!.lists.push(event.list.qid);
  }
  return all;
}
