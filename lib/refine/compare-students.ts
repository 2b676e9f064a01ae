// The students that a comparison can train: one entry each, with how they start, learn and search.
import type { Run } from '../metrics/index.js';
import type { Student } from '../train/student.js';
import type { Bag, BagList, Corpus } from './bags.js';
import type { ComparisonData } from './compare-data.js';
import { DenseStudent } from './dense-student.js';
import { retrieve } from './retrieve.js';
import { startVectors } from './word-vectors.js';

/** A student whose parameters can be read and written, so that many trainings start from the same ones. */
export interface Trainee extends Student<BagList> {
  /** The arrays themselves, by name. */
  readonly parameters: Record<string, Float32Array>;
}

export interface Entrant {
  student: Trainee;
  /** Its best `depth` documents of a whole corpus for each query. */
  search(corpus: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run;
}

export interface StudentKind {
  title: string;
  /** The learning rate that the factors of the search multiply. */
  rate: number;
  /** Does what takes long once; what it returns makes untrained students, all alike for the same seed. */
  prepare(data: ComparisonData, seed: number): () => Entrant;
}

const WIDTH = 128;

export const studentKinds = {
  dense: {
    title: 'Dense (one vector a text)',
    rate: 0.003,
    prepare({ collection, vocabulary }, seed) {
      const vectors = startVectors(collection.bags, vocabulary, WIDTH, seed);
      return () => {
        const student = new DenseStudent(vectors.slice(), WIDTH);
        return {
          student,
          search: (corpus, queries, depth) => retrieve(student, corpus, queries, depth),
        };
      };
    },
  },
} satisfies Record<string, StudentKind>;

export type StudentName = keyof typeof studentKinds;
