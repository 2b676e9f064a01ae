// Queries that are documents too (ArguAna, Quora): each would find itself first, so its own document is left out.
import type { Qrels } from '../../metrics/index.js';
import type { Bag, BagList, Corpus } from '../students/words/bags.js';

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
 * @param queries the judged ones
 */
export function findOwnDocuments(
  { docids, bags }: Corpus,
  queries: ReadonlyMap<string, Bag>,
  qrels: Qrels,
  asked: IdenticalIds | undefined,
): OwnDocuments {
  let count = 0;
  docids.forEach((id, i) => {
    const query = queries.get(id);
    if (query && !((qrels.get(id)?.get(id) ?? 0) > 0) && holds(bags[i], query)) count++;
  });
  const ignored = asked === undefined ? count > 0 && 2 * count >= queries.size : asked === 'ignore';
  return { queries: count, ignored };
}

function holds({ words }: Bag, query: Bag): boolean {
  const there = new Set(words);
  const shared = query.words.reduce((sum, word) => sum + (there.has(word) ? 1 : 0), 0);
  return query.words.length > 0 && shared >= SHARE * query.words.length;
}

/** The lists without their queries' own documents; a list that had no other is left out. */
export function withoutOwn(lists: readonly BagList[]): BagList[] {
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
