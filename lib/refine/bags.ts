// Texts as bags of numbered words, and a whole collection of them in memory: what dense students are made from.
import { readCorpus, readQueries } from '../data/index.js';
import { loadCandidates, mustHave, type CandidateList, type Candidates } from '../train/candidates.js';
import { PreparedDocument } from '../train/document.js';
import { words } from '../train/text.js';

/** The words of one text: each word's number once, with its weight (1 + ln count) · idf. */
export interface Bag {
  words: Int32Array;
  weights: Float32Array;
}

export interface BagList extends CandidateList {
  query: Bag;
  documents: readonly Bag[];
}

export interface Collection {
  lists: BagList[];
  qrels: Candidates['qrels'];
  /** Ids of all documents of the corpus, and their bags. */
  docids: string[];
  bags: Bag[];
  /** How many words there are; they are numbered from 0 in the order of their first appearance. */
  vocabulary: number;
}

/**
 * Reads a BEIR folder and a teacher's run whole.
 *
 * @throws DataError for bad files, and for a query or document that the teacher scored and the folder lacks
 */
export async function loadCollection(dir: string, teacher: string, maxDocs?: number): Promise<Collection> {
  const { folder, lists, qrels } = await loadCandidates(dir, teacher, maxDocs);
  const numbers = new Map<string, number>();
  const frequency: number[] = [];
  const docids: string[] = [];
  const counts: Map<number, number>[] = [];
  for await (const { id, title, text } of readCorpus(folder.corpus)) {
    const tally = new Map<number, number>();
    for (const [word, positions] of new PreparedDocument(title, text).positions) {
      let number = numbers.get(word);
      if (number === undefined) {
        numbers.set(word, (number = numbers.size));
        frequency.push(0);
      }
      frequency[number]++;
      tally.set(number, positions.length);
    }
    docids.push(id);
    counts.push(tally);
  }
  const idf = frequency.map((n) => Math.log(1 + (docids.length - n + 0.5) / (n + 0.5)));
  const toBag = (tally: ReadonlyMap<number, number>): Bag => ({
    words: Int32Array.from(tally.keys()),
    weights: Float32Array.from(tally, ([word, count]) => (1 + Math.log(count)) * idf[word]),
  });
  const bags = counts.map(toBag);
  const place = new Map(docids.map((id, i) => [id, i]));

  const queries = new Map<string, Bag>();
  for await (const { id, text } of readQueries(folder.queries)) {
    const tally = new Map<number, number>();
    // A word that no document holds can match nothing.
    for (const word of words(text)) {
      const number = numbers.get(word);
      if (number !== undefined) tally.set(number, (tally.get(number) ?? 0) + 1);
    }
    queries.set(id, toBag(tally));
  }
  return {
    lists: lists.map((list) => ({
      ...list,
      query: mustHave(queries.get(list.qid), folder.queries, `query ${list.qid}`),
      documents: list.docids.map((id) => bags[mustHave(place.get(id), folder.corpus, `document ${id}`)]),
    })),
    qrels,
    docids,
    bags,
    vocabulary: numbers.size,
  };
}
