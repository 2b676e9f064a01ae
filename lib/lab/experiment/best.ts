// Keeps the best training of each model with its parameters, for `--save`.
import type { Numbers } from '../training/adam.js';
import { largest } from '../../extremes.js';
import type { ModelName, Unit } from './plan.js';
import { lastPart, type Run } from './results.js';

/** Part -> table -> numbers. */
export type PartParameters = Record<string, Record<string, Numbers>>;

/** A training of a recipe that was measured, before its parameters are copied. */
export interface MeasuredTraining {
  unit: Unit;
  /** Place of the unit in the plan. */
  place: number;
  run: Run;
  /** The learning rate that dev chose. */
  rate: number;
}

export interface BestTraining extends MeasuredTraining {
  /** The best dev nDCG@10 of the part that reranks. */
  dev: number;
  parameters: PartParameters;
}

/**
 * Keeps the best training of each model by dev; among equals the first in the plan, in whatever order they
 * finish.
 */
export class BestTrainings {
  private readonly byModel = new Map<ModelName, BestTraining>();

  /** @param condition the name of the only one that counts, in which the lists are as they should be */
  constructor(readonly condition: string) {}

  /**
   * Considers a training.
   *
   * @param copy copies the parameters
   * @returns the training if it is the best so far
   */
  offer(training: MeasuredTraining, copy: () => PartParameters): BestTraining | undefined {
    const { unit, run } = training;
    if (!unit.recipe || unit.condition.name !== this.condition || run.trainings.length === 0)
      return undefined;
    const dev = largest(lastPart(run.trainings).training.history.map((epoch) => epoch.dev));
    const known = this.byModel.get(unit.model);
    if (known && !isBetter({ ...training, dev }, known)) return undefined;
    const best = { ...training, dev, parameters: copy() };
    this.byModel.set(unit.model, best);
    return best;
  }

  /** Takes over another one's best training; returns it if it is the best so far. */
  take(found: BestTraining): BestTraining | undefined {
    return this.offer(found, () => found.parameters);
  }

  get all(): BestTraining[] {
    return [...this.byModel.values()];
  }
}

type Compared = Pick<BestTraining, 'dev' | 'place' | 'run'>;

const isBetter = (one: Compared, other: Compared): boolean =>
  one.dev !== other.dev
    ? one.dev > other.dev
    : one.place !== other.place
      ? one.place < other.place
      : one.run.seed < other.run.seed;
