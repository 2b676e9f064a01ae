// The students that a comparison can train: one entry each, with how they start, learn and search.
import type { Run } from '../metrics/index.js';
import type { Bag, Corpus } from './bags.js';
import type { ComparisonData } from './compare-data.js';
import { DenseStudent } from './dense-student.js';
import { multiVectorStart } from './multi-vector-start.js';
import { MultiVectorStudent } from './multi-vector-student.js';
import { retrieve } from './retrieve.js';
import type { TableStudent } from './table-student.js';
import { startVectors } from './word-vectors.js';

export interface Entrant {
  /** Untrained when it comes; trained, put back and trained again by the comparison. */
  student: TableStudent;
  /** Its best `depth` documents of a whole corpus for each query. */
  search(corpus: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run;
}

export interface StudentKind {
  title: string;
  /** The learning rate that the factors of the search multiply. */
  rate: number;
  /** Makes the untrained student; the same seed gives the same one. */
  enter(data: ComparisonData, seed: number): Entrant;
}

const WIDTH = 128;

export const studentKinds = {
  dense: {
    title: 'Dense (one vector a text)',
    rate: 0.003,
    enter({ collection, vocabulary }, seed) {
      const student = new DenseStudent(startVectors(collection.bags, vocabulary, WIDTH, seed), WIDTH);
      return { student, search: (corpus, queries, depth) => retrieve(student, corpus, queries, depth) };
    },
  },
  multi: {
    title: 'Multi-vector (late interaction)',
    rate: 0.003,
    enter({ collection, vocabulary }, seed) {
      const vectors = multiVectorStart(collection.bags, collection.vocabulary, vocabulary, WIDTH, seed);
      const student = new MultiVectorStudent(vectors, WIDTH);
      return { student, search: (corpus, queries, depth) => student.search(corpus, queries, depth) };
    },
  },
} satisfies Record<string, StudentKind>;

export type StudentName = keyof typeof studentKinds;
