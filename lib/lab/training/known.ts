// Restricts the teacher's lists to the folder's texts: a query or document without a text is an error, or
// left out and counted.
import { DataError, type BeirFolder, type ReadOptions } from '../../data/index.js';
import type { CandidateList } from './candidates.js';

/** The parts of a folder that are looked up by id. */
export interface Known {
  queries: { has(qid: string): boolean };
  documents: { has(docid: string): boolean };
}

/**
 * The lists of known queries with their known documents.
 *
 * @throws DataError at the first query or document that the folder lacks, unless `skipBad` is set; and if
 * nothing is left
 */
export function knownLists(
  lists: readonly CandidateList[],
  folder: Pick<BeirFolder, 'corpus' | 'queries'>,
  known: Known,
  { skipBad = false, onSkip }: ReadOptions = {},
): CandidateList[] {
  const isThere = (found: boolean, file: string, what: string): boolean => {
    if (found) return true;
    const error = new DataError(file, 0, `${what}, which the teacher scored`, 'none such');
    if (!skipBad) throw error;
    onSkip?.(error);
    return false;
  };
  const left = lists.flatMap((list) => {
    if (!isThere(known.queries.has(list.qid), folder.queries, `query ${list.qid}`)) return [];
    const places = [...list.docids.keys()].filter((i) =>
      isThere(known.documents.has(list.docids[i]), folder.corpus, `document ${list.docids[i]}`),
    );
    if (places.length === list.docids.length) return [list];
    return places.length === 0 ? [] : [only(list, places)];
  });
  if (left.length === 0)
    throw new DataError(folder.corpus, 0, 'documents and queries that the teacher scored', 'none');
  return left;
}

function only(list: CandidateList, places: readonly number[]): CandidateList {
  return {
    qid: list.qid,
    docids: places.map((i) => list.docids[i]),
    teacher: Float32Array.from(places, (i) => list.teacher[i]),
    labels: Uint8Array.from(places, (i) => list.labels[i]),
  };
}
