// A student that was saved and is ready for use: it encodes, scores and searches texts as it did when it was measured.
import { rank, type Run } from '../../../metrics/index.js';
import { CklTypeError } from '../../../errors.js';
import type { Pipeline, StudentName } from '../students.js';
import type { Bag, BagList, Corpus } from '../words/bags.js';
import { countCorpus, tallyDocument, Weighing } from '../words/weighing.js';
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
} from './arguments.js';
import { encodeBags, type Encoded } from './encodings.js';
import type { ModelContent } from './model-files.js';

/** So many scores are held at a time, and so many queries between two reports of progress. */
const SCORES_AT_ONCE = 2 ** 24;
const MOST_QUERIES = 256;

/** Where a word's idf and the mean length of documents are taken from. */
export const STATISTICS = ['corpus', 'model'] as const;

export interface CorpusOptions {
  /**
   * Where the idf of words and the mean length of documents come from: `corpus`, counted over the corpus that is searched, as in the
   * measures; or `model`, those of the collection that the student was trained on, for a corpus that is small or grows. Default: corpus.
   */
  statistics?: (typeof STATISTICS)[number];
}

export interface SearchOptions extends CorpusOptions {
  /** Leave out the document that has the id of its query, in collections whose queries are documents too. Default: false. */
  ignoreIdenticalIds?: boolean;
  /** Told how many queries are done, of how many. */
  onProgress?: (done: number, all: number) => void;
}

/** A corpus with its words counted, made by {@link LoadedStudent.prepare}: what is searched again is prepared once. */
export class PreparedCorpus {
  /** @internal */
  constructor(
    private readonly owner: object,
    private readonly corpus: Corpus,
    private readonly weighing: Weighing,
  ) {}

  /** How many documents there are. */
  get size(): number {
    return this.corpus.docids.length;
  }

  /** @internal */
  for(student: object): { corpus: Corpus; weighing: Weighing } {
    if (student !== this.owner)
      throw new CklTypeError('ERR_CKL_TYPE', 'the corpus was prepared by another student');
    return { corpus: this.corpus, weighing: this.weighing };
  }
}

/** A retriever as {@link load} makes it. */
export class LoadedStudent {
  readonly name: StudentName;
  /** Length of the vectors. */
  readonly width: number;
  /** The version of the package that saved it. */
  readonly version: string;
  private readonly words: readonly string[];
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly weighing: Weighing;

  /** @internal */
  constructor(
    content: ModelContent,
    name: StudentName,
    private readonly pipeline: Pipeline,
  ) {
    this.name = name;
    this.width = content.width;
    this.version = content.version;
    this.words = content.words;
    this.numbers = new Map(content.words.map((word, number) => [word, number]));
    this.weighing = new Weighing(content.statistics);
  }

  /**
   * What the student makes of queries; two stages: what the reranker makes of them.
   *
   * @throws CklTypeError for anything but an array of strings
   */
  encodeQueries(texts: readonly string[]): Encoded {
    const bags = readTexts(texts, 'texts').map((text) => this.query(text));
    return encodeBags(this.reranker, 'query', bags, this.words);
  }

  /**
   * What the student makes of documents.
   *
   * @throws CklTypeError for anything but an array of texts or of objects with a text
   */
  encodeDocuments(documents: readonly DocumentText[]): Encoded {
    const bags = readDocuments(documents, 'documents').map((document) => this.document(document));
    return encodeBags(this.reranker, 'document', bags, this.words);
  }

  /**
   * The score of each document for a query, as in training and in reranking: higher is better. Two stages: the reranker's.
   *
   * @throws CklTypeError for anything but texts
   */
  score(query: string, documents: readonly DocumentText[]): Float32Array {
    const bag = this.query(readText(query, 'query'));
    const bags = readDocuments(documents, 'documents').map((document) => this.document(document));
    const out = new Float32Array(bags.length);
    if (bags.length > 0) this.reranker.score(listOf(bag, bags), out, 0);
    return out;
  }

  /**
   * Counts the words of a corpus, for several searches.
   *
   * @throws CklTypeError, or CklRangeError for an id that occurs twice
   */
  prepare(corpus: readonly DocumentWithId[], options: CorpusOptions = {}): PreparedCorpus {
    const statistics = readChoice(options.statistics ?? 'corpus', 'statistics', STATISTICS);
    const documents = readWithIds(corpus, 'corpus');
    const docids = documents.map(({ id }) => id);
    if (statistics === 'model') {
      const bags = documents.map((document) => this.document(document));
      return new PreparedCorpus(this, { docids, bags }, this.weighing);
    }
    const tallies = documents.map(({ title, text }) =>
      tallyDocument(title, text, (word) => this.numbers.get(word)),
    );
    const weighing = new Weighing(countCorpus(tallies));
    return new PreparedCorpus(this, { docids, bags: tallies.map((tally) => weighing.bag(tally)) }, weighing);
  }

  /**
   * The best k documents of a corpus for each query, best first, documents that tie in descending order of their ids as trec_eval has them.
   * The result does not depend on the other queries.
   *
   * @param corpus documents, or what {@link prepare} made of them
   * @param k at least 1
   * @returns query id -> document id -> score: the cosine of a dense student, else as of {@link score}, for two stages the reranker's
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
    const { corpus: searched, weighing } = prepared.for(this);
    const { ignoreIdenticalIds = false, onProgress } = options;
    const asked = readWithIds(queries, 'queries').map(
      ({ id, text }) => [id, weighing.query(text, this.numbers)] as const,
    );
    const run = new Map<string, Map<string, number>>();
    if (prepared.size === 0) return new Map(asked.map(([id]) => [id, new Map()]));
    const step = Math.min(MOST_QUERIES, Math.max(1, Math.floor(SCORES_AT_ONCE / prepared.size)));
    for (let first = 0; first < asked.length; first += step) {
      const some = new Map(asked.slice(first, first + step));
      const found = this.pipeline.search(searched, some, ignoreIdenticalIds ? depth + 1 : depth);
      for (const [qid, scores] of found)
        run.set(qid, best(scores, depth, ignoreIdenticalIds ? qid : undefined));
      onProgress?.(Math.min(asked.length, first + step), asked.length);
    }
    return run;
  }

  /** What scores a list. */
  private get reranker() {
    return this.pipeline.parts.at(-1)!.student;
  }

  private query(text: string): Bag {
    return this.weighing.query(text, this.numbers);
  }

  private document({ title, text }: { title: string; text: string }): Bag {
    return this.weighing.document(title, text, this.numbers);
  }
}

function listOf(query: Bag, documents: Bag[]): BagList {
  return {
    qid: '',
    docids: documents.map((_, i) => String(i)),
    teacher: new Float32Array(documents.length),
    labels: new Uint8Array(documents.length),
    query,
    documents,
  };
}

/** The best of what a search found, which keeps those that tie with the last. */
function best(scores: ReadonlyMap<string, number>, depth: number, without?: string): Map<string, number> {
  const ranked = rank(scores).filter((docid) => docid !== without);
  return new Map(ranked.slice(0, depth).map((docid) => [docid, scores.get(docid)!]));
}
