// Recipes by name: what `--losses` of refine and compare takes, and the ones that are compared by default.
import { termsOf, titleOfLoss, TRAINING_LOSSES, type TrainingLoss } from '../training/loss-sum.js';
import type { LossName } from '../../index.js';
import type { Recipe } from './plan.js';

/** Recipes of several stages: the paper's KL followed by CKL (its Table 2). */
const SEQUENCES = { 'kl+ckl': ['kl', 'ckl'] } as const;

/** A loss, a weighted sum, or a recipe of several stages. */
export type RecipeChoice = TrainingLoss | keyof typeof SEQUENCES;

export const RECIPE_NAMES = [
  ...TRAINING_LOSSES,
  ...(Object.keys(SEQUENCES) as (keyof typeof SEQUENCES)[]),
] as const;

const isSequence = (choice: RecipeChoice): choice is keyof typeof SEQUENCES =>
  typeof choice === 'string' && choice in SEQUENCES;

export const titleOfRecipe = (choice: RecipeChoice): string =>
  isSequence(choice) ? choice : titleOfLoss(choice);

export function recipeOf(choice: RecipeChoice): Recipe {
  if (isSequence(choice)) return { name: choice, stages: SEQUENCES[choice] };
  return { name: titleOfLoss(choice), stages: [typeof choice === 'string' ? choice : { loss: choice }] };
}

/** The losses that a recipe trains with, in all its stages. */
export const lossesIn = (choice: RecipeChoice): LossName[] =>
  (isSequence(choice) ? SEQUENCES[choice] : [choice]).flatMap((loss) =>
    termsOf(loss).map((term) => term.loss),
  );

/** Every loss by itself, CKL with constant weights, and KL followed by CKL. */
export const allRecipes: readonly Recipe[] = RECIPE_NAMES.map(recipeOf);
