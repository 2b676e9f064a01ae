// A saved adapter on the command line: searches and maps vectors from files.
import { distinct } from '../../data/beir.js';
import { DataError, openBeir, readCorpus, readQueries, type ReadOptions } from '../../data/index.js';
import { checkAlike, type EmbeddingFiles } from '../students/adapter/vector-lists.js';
import { loadAdapter, loadVectors, type LoadedAdapter, type VectorSet } from '../students/index.js';
import { gather } from '../students/vectors/vector-set.js';
import type { Output } from './progress.js';

/** The source of ids that vector files lack. */
interface Folder {
  data?: string;
  reading: ReadOptions;
}

/** The vectors of a side's file. */
export async function loadSide(
  side: 'queries' | 'documents',
  files: Partial<EmbeddingFiles>,
  { data, reading }: Folder,
): Promise<VectorSet> {
  const folder = data === undefined ? undefined : await openBeir(data);
  const [path, ids] =
    side === 'queries'
      ? [files.queryEmbeddings!, files.queryIds]
      : [files.documentEmbeddings!, files.documentIds];
  if (!folder) return loadVectors(path, { ids });
  const of = side === 'queries' ? folder.queries : folder.corpus;
  const list: string[] = [];
  for await (const { id } of distinct(
    side === 'queries' ? readQueries(of, reading) : readCorpus(of, reading),
  ))
    list.push(id);
  return loadVectors(path, { ids, order: { ids: list, of } });
}

/** @throws DataError for vectors that the adapter cannot map */
export function checkWidth({ dim, offsets }: VectorSet, file: string, adapter: LoadedAdapter): void {
  if (dim !== adapter.width)
    throw new DataError(
      file,
      0,
      `vectors of ${adapter.width} numbers, which the adapter maps`,
      `${dim} numbers`,
    );
  if ((offsets !== undefined) !== adapter.late)
    throw new DataError(
      file,
      0,
      adapter.late ? 'the vectors of tokens' : 'one vector per text',
      offsets ? 'vectors of tokens' : 'one vector per text',
    );
}

/**
 * Searches all documents of a file for the queries of another.
 *
 * @param judged only these queries, if given
 */
export async function searchVectors(
  model: string,
  files: EmbeddingFiles,
  {
    k,
    judged,
    ignoreIdenticalIds,
    ...folder
  }: Folder & {
    k: number;
    judged?: { has(qid: string): boolean };
    ignoreIdenticalIds?: boolean;
  },
  progressOut: Output,
) {
  const adapter = await loadAdapter(model);
  const all = await loadSide('queries', files, folder);
  const documents = await loadSide('documents', files, folder);
  checkAlike(all, documents, files);
  checkWidth(all, files.queryEmbeddings, adapter);
  const places = [...all.ids.keys()].filter((i) => judged?.has(all.ids[i]) ?? true);
  if (places.length === 0) throw new DataError(files.queryEmbeddings, 0, 'judged queries', 'none');
  const queries = { ids: places.map((i) => all.ids[i]), ...gather(all, places) };
  progressOut.write(`${documents.ids.length} documents, ${queries.ids.length} queries\n`);
  return adapter.search(documents, queries, k, { ignoreIdenticalIds });
}
