// The checked options of a prepared loss of embeddings that are not the loss's own.
import { CklTypeError } from '../errors.js';
import type { ReadSimilarity, Wanted } from './options.js';
import type { InBatchScores } from './types.js';

export interface Settings {
  read: ReadSimilarity;
  wanted: Wanted;
  inBatch: boolean;
  scores: boolean;
  /** How scores of a whole batch are held. */
  mode: InBatchScores;
  /** Queries of a block; null: by its bytes. */
  tileQueries: number | null;
  /** How a teacher's embeddings are compared; null: teachers are given as scores. */
  teacher: ReadSimilarity | null;
  /** The option, or what else is asked for, that needs all scores at once. */
  ownMatrix: string | null;
}

/** The error where tiles are asked for and cannot be. */
export function noTiles(name: string): Error {
  return new CklTypeError(
    'ERR_CKL_OPTION',
    `inBatchScores is 'tiles', which ${name} cannot be computed with; leave one of them out`,
  );
}
