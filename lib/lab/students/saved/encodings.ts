// The encodings of texts by a saved student, in a form of their own for each kind of student.
import { DenseStudent } from '../dense/dense-student.js';
import { MultiVectorStudent } from '../multi-vector/multi-vector-student.js';
import { SparseStudent } from '../sparse/sparse-student.js';
import type { Model } from '../students.js';
import type { Bag } from '../words/bags.js';

/** For a dense student: one vector per text. */
export interface EncodedVectors {
  kind: 'vectors';
  width: number;
  /** Texts × width, of length 1 each, 0 for a text without a known word. Their dot products are what {@link LoadedStudent.search} ranks by. */
  vectors: Float32Array;
}

/** For a multi-vector student: one vector per word. */
export interface EncodedTokens {
  kind: 'tokens';
  width: number;
  /**
   * Of each text its words, the weight and the vector (length 1) of each: `weights` has one number per word, `vectors` is words × width.
   * score = Σ over the words of the query of weight · max over those of the document of weight · max(0, cosine)².
   */
  texts: { words: string[]; weights: Float32Array; vectors: Float32Array }[];
}

/** For a sparse student: weighted terms. */
export interface EncodedTerms {
  kind: 'terms';
  /** Of each text the terms that are not 0, and the weight of each; the score is the sum of products over shared terms. */
  texts: { terms: string[]; weights: Float32Array }[];
}

export type Encoded = EncodedVectors | EncodedTokens | EncodedTerms;

/** @param names the words by number */
export function encodeBags(
  student: Model,
  side: 'query' | 'document',
  bags: readonly Bag[],
  names: readonly string[],
): Encoded {
  const named = (words: Int32Array): string[] => Array.from(words, (word) => names[word]);
  if (student instanceof DenseStudent) {
    return { kind: 'vectors', width: student.width, vectors: student.encodeAll(bags) };
  }
  if (student instanceof MultiVectorStudent) {
    const texts = bags.map((bag) => {
      const { words, ...rest } = side === 'query' ? student.queryTokens(bag) : student.documentTokens(bag);
      return { words: named(words), ...rest };
    });
    return { kind: 'tokens', width: student.width, texts };
  }
  if (student instanceof SparseStudent) {
    const texts = bags.map((bag) => {
      const { words, weights } = side === 'query' ? student.queryTerms(bag) : student.documentTerms(bag);
      return { terms: named(words), weights };
    });
    return { kind: 'terms', texts };
  }
  throw new TypeError('this student has no encoding of a text');
}
