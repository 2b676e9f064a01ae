// A saved retriever in use: dense, multi-vector, sparse or two stages, over the words of its vocabulary.
import type { Run } from '../../../metrics/index.js';
import type { Pipeline } from '../students.js';
import type { Bag, BagList, Corpus } from '../words/bags.js';
import { CorpusCounter } from '../words/corpus.js';
import { Weighing, type Statistics } from '../words/weighing.js';
import type { Titled } from './arguments.js';
import { encodeBags, type Encoded } from './encodings.js';
import { LoadedStudent, type Counting, type STATISTICS } from './loaded.js';
import type { ModelContent } from './model-files.js';

/** Number of queries that a student that encodes documents searches together. */
const MOST_ENCODED_QUERIES = 2048;

interface Counted {
  corpus: Corpus;
  weighing: Weighing;
}

export class LoadedRetriever extends LoadedStudent<Counted> {
  private readonly words: readonly string[];
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly statistics: Statistics;
  private readonly weighing: Weighing;

  constructor(
    content: ModelContent,
    private readonly pipeline: Pipeline,
  ) {
    super(content);
    this.words = content.words;
    this.numbers = new Map(content.words.map((word, number) => [word, number]));
    this.statistics = content.statistics;
    this.weighing = new Weighing(content.statistics);
  }

  protected override encode(side: 'query' | 'document', texts: readonly Titled[]): Encoded {
    const bags = texts.map((one) => (side === 'query' ? this.query(one.text) : this.document(one)));
    return encodeBags(this.reranker, side, bags, this.words);
  }

  protected override scores(query: string, documents: readonly Titled[]): Float32Array {
    const out = new Float32Array(documents.length);
    const bags = documents.map((document) => this.document(document));
    this.reranker.score(listOf(this.query(query), bags), out, 0);
    return out;
  }

  protected override counting(statistics: (typeof STATISTICS)[number]): Counting<Counted> {
    const { numbers } = this;
    // With the model's statistics, a word that occurred in no document of its collection has no weight.
    const takesPart = (number: number | undefined) =>
      statistics === 'corpus' || (number !== undefined && this.statistics.frequency[number] > 0)
        ? number
        : undefined;
    const counter = new CorpusCounter((word) => takesPart(numbers.get(word)));
    return {
      get size() {
        return counter.size;
      },
      add: (id, title, text) => counter.add(id, title, text),
      end: () => {
        const corpus = counter.end(statistics === 'model' ? this.statistics : undefined);
        return { corpus, weighing: corpus.weighing };
      },
    };
  }

  protected override ranked(
    { corpus, weighing }: Counted,
    queries: ReadonlyMap<string, string>,
    depth: number,
    onShare?: (share: number) => void,
  ): Run {
    const bags = new Map([...queries].map(([qid, text]) => [qid, weighing.query(text, this.numbers)]));
    return this.pipeline.search(corpus, bags, depth, onShare);
  }

  /**
   * Students that hold only the scores of a block of documents, and would encode the corpus again for each
   * group of queries. With few terms, many documents score 0, and a sparse student or BM25 keeps all of them.
   */
  protected override queriesAtOnce(size: number): number {
    const encodes = this.name === 'dense' || this.name === 'multi';
    return encodes ? MOST_ENCODED_QUERIES : super.queriesAtOnce(size);
  }

  /** The part that scores a list. */
  private get reranker() {
    return this.pipeline.parts.at(-1)!.student;
  }

  private query(text: string): Bag {
    return this.weighing.query(text, this.numbers);
  }

  private document({ title, text }: Titled): Bag {
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
