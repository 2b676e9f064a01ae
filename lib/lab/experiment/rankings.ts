// The rankings of the test queries by each trained student: what `--run` writes.
import type { Run } from '../../metrics/index.js';
import type { ModelName, Unit } from './plan.js';

/** Whose rankings are wanted: of several seeds and conditions, one. */
export interface RankingsOf {
  condition: string;
  seed: number;
}

export interface FoundRanking {
  /** Place of the unit in the plan. */
  place: number;
  student: ModelName;
  recipe: string;
  run: Run;
}

/** Collects a run per student and recipe. They do not depend on the order in which units end. */
export class Rankings {
  private readonly found: FoundRanking[] = [];

  constructor(readonly wanted: RankingsOf) {}

  /** @returns the ranking, if it is wanted */
  offer(
    { unit, place }: { unit: Unit; place: number },
    seed: number,
    student: ModelName,
    run: Run,
  ): FoundRanking | undefined {
    const { wanted } = this;
    if (!unit.recipe || unit.condition.name !== wanted.condition || seed !== wanted.seed) return undefined;
    const ranking = { place, student, recipe: unit.recipe.name, run };
    this.found.push(ranking);
    return ranking;
  }

  /** Takes over what another thread found. */
  take(ranking: FoundRanking): void {
    this.found.push(ranking);
  }

  /** A student's ranking after a recipe, of all folds; undefined where none was reached. */
  get(student: ModelName, recipe: string): Run | undefined {
    const own = this.found.filter((one) => one.student === student && one.recipe === recipe);
    if (own.length === 0) return undefined;
    return new Map(own.sort((a, b) => a.place - b.place).flatMap(({ run }) => [...run]));
  }
}
