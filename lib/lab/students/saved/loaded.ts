// A saved student ready for use: encodes, scores and searches texts exactly as when it was measured.
import { CklTypeError } from '../../../errors.js';
import { rank, type Run } from '../../../metrics/index.js';
import {
  readChoice,
  readCount,
  readDocuments,
  readText,
  readTexts,
  readWithIds,
  type DocumentText,
  type DocumentWithId,
  type QueryWithId,
  type Titled,
} from './arguments.js';
import type { Encoded } from './encodings.js';
import type { ModelConfig, ModelContent } from './model-files.js';

/** Number of scores held at a time, and of queries between two reports of progress. */
const SCORES_AT_ONCE = 2 ** 24;
const MOST_QUERIES = 256;

/** The source of words' idf and of the mean document length. */
export const STATISTICS = ['corpus', 'model'] as const;

export interface CorpusOptions {
  /**
   * The source of words' idf and of the mean document length: `corpus`, counted over the searched corpus, as
   * for the measures; or `model`, those of the collection on which the student was trained, for a corpus that
   * is small or grows. Default: corpus.
   */
  statistics?: (typeof STATISTICS)[number];
}

export interface SearchOptions extends CorpusOptions {
  /**
   * Leave out the document with the id of its query, for collections whose queries are documents too.
   * Default: false.
   */
  ignoreIdenticalIds?: boolean;
  /**
   * Called with the number of queries done and the total. A dense student takes all queries through the
   * corpus block by block and reports fractions.
   */
  onProgress?: (done: number, all: number) => void;
}

/**
 * A corpus with its words counted, from {@link LoadedStudent.prepare}: prepare a corpus once to search it
 * several times.
 */
export class PreparedCorpus {
  /**
   * @internal
   * @param size number of documents
   */
  constructor(readonly size: number) {}
}

/** Receives the documents of a corpus, one by one. */
export interface Counting<C> {
  /** The number of documents so far. */
  readonly size: number;
  /** @returns whether the id is new; otherwise the document is ignored */
  add(id: string, title: string, text: string): boolean;
  end(): C;
}

/** A student loaded by {@link load}. */
export abstract class LoadedStudent<C = unknown> {
  readonly name: ModelConfig['student'];
  /** Length of the vectors; 0 for the linear student, which has none. */
  readonly width: number;
  /** The version of the package that saved it. */
  readonly version: string;
  private readonly corpora = new WeakMap<PreparedCorpus, C>();

  /** @internal */
  constructor({ student, width, version }: ModelContent) {
    this.name = student;
    this.width = width;
    this.version = version;
  }

  /**
   * The encodings of queries; for two stages, those of the reranker.
   *
   * @throws CklTypeError for anything but an array of strings; CklRangeError from a linear student, which has no encodings
   */
  encodeQueries(texts: readonly string[]): Encoded {
    const checked = readTexts(texts, 'texts').map((text) => ({ title: '', text }));
    return this.encode('query', checked);
  }

  /**
   * The encodings of documents.
   *
   * @throws CklTypeError for anything but an array of texts or of objects with a text; CklRangeError from a linear student
   */
  encodeDocuments(documents: readonly DocumentText[]): Encoded {
    return this.encode('document', readDocuments(documents, 'documents'));
  }

  /**
   * The score of each document for a query, as in training and in reranking: higher is better. For two
   * stages, that of the reranker.
   *
   * @throws CklTypeError for anything but texts
   */
  score(query: string, documents: readonly DocumentText[]): Float32Array {
    const [text, checked] = [readText(query, 'query'), readDocuments(documents, 'documents')];
    return checked.length === 0 ? new Float32Array(0) : this.scores(text, checked);
  }

  /**
   * Counts the words of a corpus, for several searches.
   *
   * @throws CklTypeError, or CklRangeError for an id that occurs twice
   */
  prepare(corpus: readonly DocumentWithId[], options: CorpusOptions = {}): PreparedCorpus {
    const statistics = readChoice(options.statistics ?? 'corpus', 'statistics', STATISTICS);
    const counting = this.counting(statistics);
    for (const { id, title, text } of readWithIds(corpus, 'corpus')) counting.add(id, title, text);
    return this.enter(counting);
  }

  /**
   * The same for documents that arrive one by one and whose texts are not kept.
   *
   * @internal
   * @param count passes all documents, one by one, to `add` of its argument
   */
  async prepareFrom(
    count: (counting: Pick<Counting<C>, 'add' | 'size'>) => Promise<void>,
    options: CorpusOptions = {},
  ): Promise<PreparedCorpus> {
    const counting = this.counting(readChoice(options.statistics ?? 'corpus', 'statistics', STATISTICS));
    await count(counting);
    return this.enter(counting);
  }

  private enter(counting: Counting<C>): PreparedCorpus {
    const prepared = new PreparedCorpus(counting.size);
    this.corpora.set(prepared, counting.end());
    return prepared;
  }

  /**
   * The best k documents of a corpus for each query, best first; ties are in descending order of their ids,
   * as in trec_eval. The result does not depend on the other queries.
   *
   * @param corpus documents, or the result of {@link prepare}
   * @param k at least 1
   * @returns query id -> document id -> score: the cosine for a dense student, else that of {@link score};
   * for two stages that of the reranker
   * @throws CklTypeError, or CklRangeError for k or an id that occurs twice
   */
  search(
    corpus: PreparedCorpus | readonly DocumentWithId[],
    queries: readonly QueryWithId[],
    k: number,
    options: SearchOptions = {},
  ): Run {
    const depth = readCount(k, 'k');
    const prepared = corpus instanceof PreparedCorpus ? corpus : this.prepare(corpus, options);
    const searched = this.corpora.get(prepared);
    if (searched === undefined)
      throw new CklTypeError('ERR_CKL_TYPE', 'the corpus was prepared by another student');
    const { ignoreIdenticalIds = false, onProgress } = options;
    const asked = readWithIds(queries, 'queries').map(({ id, text }) => [id, text] as const);
    const run = new Map<string, Map<string, number>>();
    if (prepared.size === 0) return new Map(asked.map(([id]) => [id, new Map()]));
    const step = this.queriesAtOnce(prepared.size);
    for (let first = 0; first < asked.length; first += step) {
      const some = new Map(asked.slice(first, first + step));
      const found = this.ranked(searched, some, ignoreIdenticalIds ? depth + 1 : depth, (share) => {
        if (share < 1) onProgress?.(first + Math.floor(share * some.size), asked.length);
      });
      for (const [qid, scores] of found)
        run.set(qid, best(scores, depth, ignoreIdenticalIds ? qid : undefined));
      onProgress?.(Math.min(asked.length, first + step), asked.length);
    }
    return run;
  }

  /**
   * The number of queries that are searched together.
   *
   * @internal
   * @param size of the corpus
   */
  protected queriesAtOnce(size: number): number {
    return Math.min(MOST_QUERIES, Math.max(1, Math.floor(SCORES_AT_ONCE / size)));
  }

  /** @internal */
  protected abstract encode(side: 'query' | 'document', texts: readonly Titled[]): Encoded;
  /** @internal */
  protected abstract scores(query: string, documents: readonly Titled[]): Float32Array;
  /** @internal */
  protected abstract counting(statistics: (typeof STATISTICS)[number]): Counting<C>;
  /**
   * At least the best `depth` documents for each query.
   *
   * @param onShare called with the fraction of this search that is done, if known
   * @internal
   */
  protected abstract ranked(
    corpus: C,
    queries: ReadonlyMap<string, string>,
    depth: number,
    onShare?: (share: number) => void,
  ): Run;
}

/** The best results of a search, which also returns those that tie with the last. */
function best(scores: ReadonlyMap<string, number>, depth: number, without?: string): Map<string, number> {
  const ranked = rank(scores).filter((docid) => docid !== without);
  return new Map(ranked.slice(0, depth).map((docid) => [docid, scores.get(docid)!]));
}
