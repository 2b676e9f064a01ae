// ckl-loss/students: loads a student that `--save` wrote, to encode, score and search with it; and reads the vectors of an adapter.
import { readAdapter } from './saved/adapter-model.js';
import { LoadedAdapter } from './saved/loaded-adapter.js';
import { loadLinear } from './saved/linear-model.js';
import { LoadedRetriever } from './saved/loaded-retriever.js';
import { LoadedStudent } from './saved/loaded.js';
import { readModel } from './saved/model-files.js';
import { retrieverOf } from './saved/retriever-model.js';

export type { DocumentText, DocumentWithId, QueryWithId } from './saved/arguments.js';
export type { Encoded, EncodedTerms, EncodedTokens, EncodedVectors } from './saved/encodings.js';
export { PreparedCorpus, type CorpusOptions, type SearchOptions } from './saved/loaded.js';
export { ModelError, type ModelFault } from './saved/model-error.js';
export { formatNpy } from '../../data/npy.js';
export { LoadedAdapter, LoadedStudent };
export { loadVectors, type VectorOptions } from './vectors/vector-file.js';
export type { Vectors, VectorSet } from './vectors/vector-set.js';
export type { Run } from '../../metrics/types.js';
export type { StudentName } from './students.js';

/**
 * Loads a student from a folder that `ckl-loss train`, `refine` or `compare` wrote with `--save`. It gives the bits that were measured.
 *
 * @throws ModelError for a folder that is missing, damaged, of another version, or no student
 */
export async function load(dir: string): Promise<LoadedStudent> {
  const content = await readModel(dir);
  return content.student === 'linear'
    ? loadLinear(dir, content)
    : new LoadedRetriever(content, retrieverOf(dir, content));
}

/**
 * Loads an adapter from a folder that `ckl-loss refine --student adapter` wrote with `--save`. It gives the bits that were measured.
 *
 * @throws ModelError for a folder that is missing, damaged, of another version, or no adapter
 */
export async function loadAdapter(dir: string): Promise<LoadedAdapter> {
  const { student, version } = await readAdapter(dir);
  return new LoadedAdapter(student, version);
}
