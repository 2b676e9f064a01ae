// ckl-loss/refine: what `ckl-loss refine` does, from a program: students of words or of an encoder's vectors, refined and measured.
export { refine, type RefineHooks, type RefineOptions } from './job.js';
export type { ChosenStudent, FoldResult, Measured, Refined, RefineResult } from './results.js';
export { saveStudent } from './save.js';
export type { AdapterOptions } from '../experiment/adapters.js';
export type { Behaviour } from '../experiment/behaviour.js';
export type { IdenticalIds, OwnDocuments } from '../experiment/own-documents.js';
export type { ModelName } from '../experiment/plan.js';
export type { OnStart } from '../experiment/retrievers.js';
export { RECIPE_NAMES, type RecipeChoice } from '../experiment/recipes.js';
