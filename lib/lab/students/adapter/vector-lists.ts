// A BEIR folder's candidate lists over the vectors of an encoder: what the adapter student is trained on.
import { distinct } from '../../../data/beir.js';
import { DataError, readCorpus, readQueries } from '../../../data/index.js';
import { loadCandidates, type CandidateOptions, type Candidates } from '../../training/candidates.js';
import { knownLists } from '../../training/known.js';
import { loadVectors } from '../vectors/vector-file.js';
import { gather, type VectorSet } from '../vectors/vector-set.js';
import { words } from '../words/text.js';
import type { VectorList } from './adapter-student.js';

/** Where the vectors are. */
export interface EmbeddingFiles {
  queryEmbeddings: string;
  documentEmbeddings: string;
  /** Files with ids, one per line; see {@link loadVectors} for the default. */
  queryIds?: string;
  documentIds?: string;
}

export interface VectorCollection {
  lists: VectorList[];
  qrels: Candidates['qrels'];
  queries: VectorSet;
  /** All documents of the folder, in its order. */
  documents: VectorSet;
  /** The words of each query that is judged, and of each document that has its id. */
  judged: Map<string, string[]>;
  namesakes: [docid: string, words: string[]][];
}

/** @throws DataError for bad files, and for a query or document that has no vector */
export async function loadVectorLists(
  dir: string,
  teacher: string,
  files: EmbeddingFiles,
  reading: CandidateOptions = {},
): Promise<VectorCollection> {
  const { folder, lists, qrels } = await loadCandidates(dir, teacher, undefined, reading);
  const wanted = new Set(lists.map(({ qid }) => qid));
  const judged = new Map<string, string[]>();
  const qids: string[] = [];
  for await (const { id, text } of distinct(readQueries(folder.queries, reading))) {
    qids.push(id);
    if (wanted.has(id)) judged.set(id, words(text));
  }
  const docids: string[] = [];
  const namesakes: VectorCollection['namesakes'] = [];
  for await (const { id, title, text } of distinct(readCorpus(folder.corpus, reading))) {
    docids.push(id);
    if (judged.has(id)) namesakes.push([id, words(`${title} ${text}`)]);
  }
  const queries = await loadVectors(files.queryEmbeddings, {
    ids: files.queryIds,
    order: { ids: qids, of: folder.queries },
  });
  const found = await loadVectors(files.documentEmbeddings, {
    ids: files.documentIds,
    order: { ids: docids, of: folder.corpus },
  });
  checkAlike(queries, found, files);
  const documents = inOrder(found, docids, files.documentEmbeddings, folder.corpus);
  const queryPlaces = placesOf(queries.ids);
  const documentPlaces = placesOf(docids);
  const of = { corpus: folder.corpus, queries: files.queryEmbeddings };
  const known = knownLists(lists, of, { queries: queryPlaces, documents: documentPlaces }, reading);
  return {
    lists: known.map((list) => ({
      ...list,
      query: queryPlaces.get(list.qid)!,
      documents: list.docids.map((id) => documentPlaces.get(id)!),
    })),
    ...{ qrels, queries, documents, judged, namesakes },
  };
}

/**
 * Checks that queries and documents can be compared.
 *
 * @throws DataError
 */
export function checkAlike(queries: VectorSet, documents: VectorSet, files: EmbeddingFiles): void {
  if (queries.dim !== documents.dim)
    throw new DataError(
      files.documentEmbeddings,
      0,
      `vectors of ${queries.dim} numbers, as in ${files.queryEmbeddings}`,
      `${documents.dim} numbers`,
    );
  if ((queries.offsets === undefined) !== (documents.offsets === undefined))
    throw new DataError(
      files.documentEmbeddings,
      0,
      `${queries.offsets ? 'vectors of tokens' : 'one vector per text'}, as in ${files.queryEmbeddings}`,
      documents.offsets ? 'vectors of tokens' : 'one vector per text',
    );
}

const placesOf = (ids: readonly string[]) => new Map(ids.map((id, i) => [id, i]));

/** The vectors of the corpus's documents; others are left out. */
function inOrder(found: VectorSet, docids: readonly string[], file: string, corpus: string): VectorSet {
  if (found.ids.length === docids.length && found.ids.every((id, i) => id === docids[i])) return found;
  const places = placesOf(found.ids);
  const chosen = docids.map((id) => {
    const place = places.get(id);
    if (place !== undefined) return place;
    throw new DataError(file, 0, `a vector of document ${id}, which is in ${corpus}`, 'none');
  });
  return { ids: docids, ...gather(found, chosen) };
}
