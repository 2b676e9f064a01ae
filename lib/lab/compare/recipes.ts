// Which ways of training a comparison runs, and the order of its units of work.
import { losses, type LossName } from '../../index.js';
import { byModel } from './students.js';
import type { CompareOptions, Condition, Recipe, Unit } from './types.js';

/** Every loss by itself, and the paper's KL followed by CKL (its Table 2). */
export const allRecipes: readonly Recipe[] = [
  ...(Object.keys(losses) as LossName[]).map((name) => ({ name, stages: [name] })),
  { name: 'kl+ckl', stages: ['kl', 'ckl'] },
];

export const conditionsOf = ({ wrongTeacher, wrongLabels }: CompareOptions): Condition[] => [
  'clean',
  ...(wrongTeacher > 0 ? ['wrongTeacher' as const] : []),
  ...(wrongLabels > 0 ? ['wrongLabels' as const] : []),
];

/** All units; those that share a warm-up stand together, so that a worker can keep it. */
export function unitsOf(options: CompareOptions): Unit[] {
  const folds = [...Array(Math.max(1, options.folds)).keys()];
  return [...byModel(options.students)].flatMap(([model, students]) =>
    conditionsOf(options).flatMap((condition) =>
      folds.flatMap((fold) => [
        { model, students, condition, fold },
        ...options.recipes.map((recipe) => ({ model, students, condition, fold, recipe })),
      ]),
    ),
  );
}

/** How many trainings a unit holds: the measure of progress. */
export const trainingsOf = ({ recipe }: Unit, { rates, seeds }: CompareOptions): number =>
  recipe ? rates.length + seeds - 1 : 1;
