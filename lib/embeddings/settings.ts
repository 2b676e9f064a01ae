// The checked options of a prepared loss of embeddings, other than those of the loss itself.
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
  /** The option, or other request, that needs all scores at once. */
  ownMatrix: string | null;
}

/** The error if tiles are requested but not possible. */
export function noTiles(name: string): Error {
  return new CklTypeError(
    'ERR_CKL_OPTION',
    `inBatchScores is 'tiles', which ${name} cannot be computed with; leave one of them out`,
  );
}
