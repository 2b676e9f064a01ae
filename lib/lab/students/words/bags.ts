// Texts as bags of numbered words, and a whole collection of them in memory: what dense students are made from.
import { distinct } from '../../../data/beir.js';
import {
  DataError,
  readCorpus,
  readQueries,
  type BeirFolder,
  type ReadOptions,
} from '../../../data/index.js';
import {
  loadCandidates,
  type CandidateList,
  type CandidateOptions,
  type Candidates,
} from '../../training/candidates.js';
import { knownLists } from '../../training/known.js';
import { countCorpus, tallyDocument, Weighing, type Bag, type Statistics, type Tally } from './weighing.js';

export type { Bag };

export interface BagList extends CandidateList {
  query: Bag;
  documents: readonly Bag[];
}

/** The documents of a corpus, by place: their ids and bags. */
export interface Corpus {
  docids: string[];
  bags: Bag[];
}

export interface Collection extends Corpus {
  lists: BagList[];
  qrels: Candidates['qrels'];
  /** How many words there are; they are numbered from 0 in the order of their first appearance. */
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
  const { docids, bags, queries, statistics } = await readBags(folder, numbers, reading);
  if (numbers.size === 0) throw new DataError(folder.corpus, 0, 'texts with words', 'none');
  const place = new Map(docids.map((id, i) => [id, i]));
  return {
    lists: knownLists(lists, folder, { queries, documents: place }, reading).map((list) => ({
      ...list,
      query: queries.get(list.qid)!,
      documents: list.docids.map((id) => bags[place.get(id)!]),
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
 */
export async function readBags(
  folder: Pick<BeirFolder, 'corpus' | 'queries'>,
  numbers: Map<string, number>,
  reading?: ReadOptions,
): Promise<Corpus & { queries: Map<string, Bag>; statistics: Statistics }> {
  const docids: string[] = [];
  const tallies: Tally[] = [];
  const numberOf = (word: string): number => {
    const known = numbers.get(word);
    if (known !== undefined) return known;
    numbers.set(word, numbers.size);
    return numbers.size - 1;
  };
  for await (const { id, title, text } of distinct(readCorpus(folder.corpus, reading))) {
    docids.push(id);
    tallies.push(tallyDocument(title, text, numberOf));
  }
  if (docids.length === 0) throw new DataError(folder.corpus, 0, 'documents', 'none');
  const statistics = countCorpus(tallies);
  const weighing = new Weighing(statistics);
  const queries = new Map<string, Bag>();
  for await (const { id, text } of distinct(readQueries(folder.queries, reading)))
    queries.set(id, weighing.query(text, numbers));
  return { docids, bags: tallies.map((tally) => weighing.bag(tally)), queries, statistics };
}
