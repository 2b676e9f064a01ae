// The caller's batch of embeddings, each property read once.
import { checkNames, pairNames } from './pairs.js';

export const batchNames = [
  ...pairNames,
  'teacher',
  'teacherQueries',
  'teacherDocuments',
  'labels',
  'relevance',
  'mask',
  'own',
  'ranks',
  'beta',
  'weights',
  'bias',
  'scale',
  'queryGrad',
  'documentGrad',
  'accumulate',
  'perQuery',
  'scores',
] as const;
export type Given = Record<(typeof batchNames)[number], unknown>;

/** The caller's batch, each property read once. */
export function snapshotOf(batch: unknown): Given {
  checkNames(batch, 'batch', batchNames);
  const given = {} as Given;
  for (const name of batchNames) given[name] = (batch as Given)[name];
  return given;
}
