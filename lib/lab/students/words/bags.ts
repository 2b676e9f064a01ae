// Texts as bags of numbered words, and a whole collection of them in memory: what dense students are made from.
import { distinct } from '../../../data/beir.js';
import {
  DataError,
  readCorpus,
  readQueries,
  type BeirFolder,
  type ReadOptions,
} from '../../../data/index.js';
import { loadCandidates, type CandidateList, type Candidates } from '../../training/candidates.js';
import { PreparedDocument } from '../linear/document.js';
import { knownLists } from '../../training/known.js';
import { words } from './text.js';

/** The words of one text: each word's number once, in the order of first appearance, with its weight (1 + ln count) · idf. */
export interface Bag {
  words: Int32Array;
  weights: Float32Array;
  /** How often each of the words stands in the text. */
  counts: Float32Array;
  /** How long the text is, in words, over the mean length of the collection's documents. */
  length: number;
}

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
}

/**
 * Reads a BEIR folder and a teacher's run whole.
 *
 * @throws DataError for bad files, and for a query or document that the teacher scored and the folder lacks
 */
export async function loadCollection(
  dir: string,
  teacher: string,
  reading?: ReadOptions,
): Promise<Collection> {
  const { folder, lists, qrels } = await loadCandidates(dir, teacher, undefined, reading);
  const numbers = new Map<string, number>();
  const { docids, bags, queries } = await readBags(folder, numbers, reading);
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
): Promise<Corpus & { queries: Map<string, Bag> }> {
  /** By word number; a word of another collection that this one lacks has none. */
  const frequency: number[] = [];
  const docids: string[] = [];
  const texts: { tally: Map<number, number>; length: number }[] = [];
  for await (const { id, title, text } of distinct(readCorpus(folder.corpus, reading))) {
    const tally = new Map<number, number>();
    const document = new PreparedDocument(title, text);
    for (const [word, positions] of document.positions) {
      let number = numbers.get(word);
      if (number === undefined) numbers.set(word, (number = numbers.size));
      frequency[number] = (frequency[number] ?? 0) + 1;
      tally.set(number, positions.length);
    }
    docids.push(id);
    texts.push({ tally, length: document.length });
  }
  if (docids.length === 0) throw new DataError(folder.corpus, 0, 'documents', 'none');
  const mean = texts.reduce((sum, { length }) => sum + length, 0) / Math.max(1, texts.length) || 1;
  const idf = frequency.map((n) => Math.log(1 + (docids.length - n + 0.5) / (n + 0.5)));
  const toBag = (tally: ReadonlyMap<number, number>, length: number): Bag => ({
    words: Int32Array.from(tally.keys()),
    weights: Float32Array.from(tally, ([word, count]) => (1 + Math.log(count)) * idf[word]),
    counts: Float32Array.from(tally.values()),
    length: length / mean,
  });
  const queries = new Map<string, Bag>();
  for await (const { id, text } of distinct(readQueries(folder.queries, reading))) {
    const tally = new Map<number, number>();
    const found = words(text);
    // A word that no document holds can match nothing.
    for (const word of found) {
      const number = numbers.get(word);
      if (number !== undefined && frequency[number] > 0) tally.set(number, (tally.get(number) ?? 0) + 1);
    }
    queries.set(id, toBag(tally, found.length));
  }
  return { docids, bags: texts.map(({ tally, length }) => toBag(tally, length)), queries };
}
