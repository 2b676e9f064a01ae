// The data of an experiment as threads share it: corpora lie in shared memory, and lists and judgements are copied.
import { shareCorpus, sharedCorpus, type SharedCorpus } from '../students/words/corpus.js';
import type { Collection } from '../students/words/bags.js';
import type { RetrievalData, SearchTask } from './data.js';

type WithoutCorpus<T> = Omit<T, 'docids' | 'bags' | 'statistics'> & { corpus: SharedCorpus };

/** What a message can hold. Bags of lists stay the same objects as those of the corpus, as one message keeps what is the same. */
export interface SharedRetrieval extends Omit<RetrievalData, 'collection' | 'zeroShot'> {
  /** Without the names of words, which only the thread that saves a student needs. */
  collection: Omit<WithoutCorpus<Collection>, 'numbers'>;
  zeroShot: WithoutCorpus<SearchTask>[];
}

export function shareRetrieval({ collection, zeroShot, ...rest }: RetrievalData): SharedRetrieval {
  const { lists, qrels, vocabulary } = collection;
  return {
    ...rest,
    collection: { lists, qrels, vocabulary, corpus: shareCorpus(collection) },
    zeroShot: zeroShot.map(({ name, queries, qrels, own, ...corpus }) => ({
      ...{ name, queries, qrels, own },
      corpus: shareCorpus(corpus),
    })),
  };
}

/** The data in another thread, where words have numbers and no names. */
export function retrievalOf({ collection, zeroShot, ...rest }: SharedRetrieval): RetrievalData {
  const { corpus, ...own } = collection;
  return {
    ...rest,
    collection: { ...own, ...sharedCorpus(corpus), numbers: new Map() },
    zeroShot: zeroShot.map(({ corpus, ...task }) => ({ ...task, ...sharedCorpus(corpus) })),
  };
}
