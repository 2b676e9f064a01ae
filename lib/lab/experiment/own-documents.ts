// Queries that are documents too (ArguAna, Quora): each would find itself first, so its own document is left out.
import type { Qrels, Run } from '../../metrics/index.js';
import type { DocumentList } from '../training/candidates.js';

/** Whether documents with the id of their query are left out. Default: where at least half of the queries are documents. */
export type IdenticalIds = 'ignore' | 'keep';

/** What was found of a collection, and decided. */
export interface OwnDocuments {
  /** Queries that are documents too. */
  queries: number;
  ignored: boolean;
}

/** Ids may be equal by chance where both are numbers. Then the document does not hold this share of its query's words. */
const SHARE = 0.9;

/**
 * A query is a document where the corpus has one with its id, with its words, and not judged relevant.
 *
 * @param corpus the ids and words of documents; those with an id of a query suffice
 * @param queries the words of the judged ones
 */
export function findOwnDocuments<W>(
  corpus: Iterable<readonly [docid: string, words: Iterable<W>]>,
  queries: ReadonlyMap<string, ArrayLike<W>>,
  qrels: Qrels,
  asked: IdenticalIds | undefined,
): OwnDocuments {
  let count = 0;
  for (const [id, words] of corpus) {
    const query = queries.get(id);
    if (query && !((qrels.get(id)?.get(id) ?? 0) > 0) && holds(words, query)) count++;
  }
  const ignored = asked === undefined ? count > 0 && 2 * count >= queries.size : asked === 'ignore';
  return { queries: count, ignored };
}

function holds<W>(words: Iterable<W>, query: ArrayLike<W>): boolean {
  const there = new Set(words);
  const shared = Array.from(query).filter((word) => there.has(word)).length;
  return query.length > 0 && shared >= SHARE * query.length;
}

/** The lists without their queries' own documents; a list that had no other is left out. */
export function withoutOwn<L extends DocumentList>(lists: readonly L[]): L[] {
  return lists.flatMap((list) => {
    const own = list.docids.indexOf(list.qid);
    if (own < 0) return [list];
    if (list.docids.length === 1) return [];
    const isOther = (_: unknown, i: number) => i !== own;
    return [
      {
        ...list,
        docids: list.docids.filter(isOther),
        documents: list.documents.filter(isOther),
        teacher: list.teacher.filter(isOther),
        labels: list.labels.filter(isOther),
      },
    ];
  });
}

/** Rankings without the documents that have the id of their query. */
export const withoutOwnIds = (run: Run): Run =>
  new Map([...run].map(([qid, scores]) => [qid, new Map([...scores].filter(([docid]) => docid !== qid))]));
