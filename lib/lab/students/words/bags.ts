// Texts as bags of numbered words, and a whole collection of them in memory, from which dense students are
// built.
import { distinct, repeated } from '../../../data/beir.js';
import type { IdList } from '../../../data/id-list.js';
import {
  DataError,
  readCorpus,
  readQueries,
  type BeirFolder,
  type Document,
  type ReadOptions,
  type Records,
} from '../../../data/index.js';
import {
  loadCandidates,
  type CandidateList,
  type CandidateOptions,
  type Candidates,
} from '../../training/candidates.js';
import { knownLists } from '../../training/known.js';
import { CorpusCounter, numbering, type Bags, type Corpus, type CountedCorpus } from './corpus.js';
import type { Bag, Statistics } from './weighing.js';

export type { Bag, Corpus };

export interface BagList extends CandidateList {
  query: Bag;
  documents: readonly Bag[];
}

export interface Collection extends Corpus {
  docids: IdList;
  bags: Bags;
  lists: BagList[];
  qrels: Candidates['qrels'];
  /** The number of words, which are numbered from 0 in the order of first appearance. */
  vocabulary: number;
  /** Word -> its number. */
  numbers: Map<string, number>;
  statistics: Statistics;
}

/**
 * Reads a BEIR folder and a teacher's run whole.
 *
 * @throws DataError for bad files, and for a query or document that the teacher scored and the folder lacks
 */
export async function loadCollection(
  dir: string,
  teacher: string,
  reading?: CandidateOptions,
): Promise<Collection> {
  const { folder, lists, qrels } = await loadCandidates(dir, teacher, undefined, reading);
  const numbers = new Map<string, number>();
  const asked = new Set(lists.map(({ qid }) => qid));
  const { docids, bags, queries, statistics } = await readBags(folder, numbers, reading, asked);
  if (numbers.size === 0) throw new DataError(folder.corpus, 0, 'texts with words', 'none');
  return {
    lists: knownLists(lists, folder, { queries, documents: docids }, reading).map((list) => ({
      ...list,
      query: queries.get(list.qid)!,
      documents: list.docids.map((id) => bags.keep(docids.placeOf(id))),
    })),
    qrels,
    docids,
    bags,
    vocabulary: numbers.size,
    numbers,
    statistics,
  };
}

/**
 * Reads a folder's corpus and queries; counts, idf and mean length are the folder's own.
 *
 * @param numbers word -> number; words that it lacks are added with the next numbers
 * @param asked the requested queries; default: all
 */
export async function readBags(
  folder: Pick<BeirFolder, 'corpus' | 'queries'>,
  numbers: Map<string, number>,
  reading?: ReadOptions,
  asked?: { has(qid: string): boolean },
): Promise<CountedCorpus & { queries: Map<string, Bag> }> {
  const counter = new CorpusCounter(numbering(numbers));
  await countInto(counter, readCorpus(folder.corpus, reading));
  if (counter.size === 0) throw new DataError(folder.corpus, 0, 'documents', 'none');
  const corpus = counter.end();
  const queries = new Map<string, Bag>();
  for await (const { id, text } of distinct(readQueries(folder.queries, reading)))
    if (asked?.has(id) ?? true) queries.set(id, corpus.weighing.query(text, numbers));
  return { ...corpus, queries };
}

/** Counts documents as they come; @throws DataError at an id that was there before, which with `skipBad` is counted. */
export async function countInto(
  counter: Pick<CorpusCounter, 'add'>,
  documents: Records<Document>,
): Promise<void> {
  for await (const { id, title, text } of documents) {
    try {
      if (!counter.add(id, title, text)) throw repeated(id);
    } catch (error) {
      documents.refuse(error);
    }
  }
}
