// A saved adapter in use: maps, scores and searches vectors of the encoder on which it was trained.
import { rank, type Run } from '../../../metrics/index.js';
import { CklRangeError, CklTypeError } from '../../../errors.js';
import type { AdapterStudent } from '../adapter/adapter-student.js';
import { textsOf, type VectorSet } from '../vectors/vector-set.js';
import { readCount } from './arguments.js';

export class LoadedAdapter {
  readonly name = 'adapter';
  /** Elements of a vector. */
  readonly width: number;
  /** Whether each text has several vectors (late interaction). */
  readonly late: boolean;
  /** Which vectors are mapped: `query`, or `both`. */
  readonly sides: AdapterStudent['shape']['sides'];
  /** The version of the package that saved it. */
  readonly version: string;

  /** @internal */
  constructor(
    private readonly student: AdapterStudent,
    version: string,
  ) {
    this.width = student.dim;
    this.late = student.isLate;
    this.sides = student.shape.sides;
    this.version = version;
  }

  /**
   * The images of query vectors.
   *
   * @param vectors vectors × width, of one query or many
   * @returns a new array with the same layout; compare it with the images of documents as you would compare
   * the encoder's own vectors
   * @throws CklTypeError, or CklRangeError for a length that is not a multiple of `width`
   */
  mapQueries(vectors: Float32Array): Float32Array {
    return this.student.mapQueries(this.checked(vectors, 'vectors'));
  }

  /** The images of document vectors: the same array if `sides` is `query`. */
  mapDocuments(vectors: Float32Array): Float32Array {
    return this.student.mapDocuments(this.checked(vectors, 'vectors'));
  }

  /**
   * The best k documents for each query, best first; ties are in descending order of their ids, as in
   * trec_eval.
   *
   * @param documents vectors with ids, as {@link loadVectors} reads them
   * @returns query id -> document id -> cosine or dot product, or with late interaction the sum of the best
   * matches
   * @throws CklTypeError, or CklRangeError for k, vectors of another width, or ids that do not fit
   */
  search(
    documents: VectorSet,
    queries: VectorSet,
    k: number,
    options: { ignoreIdenticalIds?: boolean } = {},
  ): Run {
    const depth = readCount(k, 'k');
    const { ignoreIdenticalIds = false } = options;
    const [corpus, asked] = [this.checkedSet(documents, 'documents'), this.checkedSet(queries, 'queries')];
    const found = this.student.search(corpus, asked, ignoreIdenticalIds ? depth + 1 : depth);
    return new Map(
      [...found].map(([qid, scores]) => {
        const ranked = rank(scores).filter((docid) => !(ignoreIdenticalIds && docid === qid));
        return [qid, new Map(ranked.slice(0, depth).map((docid) => [docid, scores.get(docid)!]))];
      }),
    );
  }

  private checkedSet(set: VectorSet, name: string): VectorSet {
    const { ids, dim, values, offsets } = set;
    const checked = { ids, dim, values: this.checked(values, `${name}.values`), ...(offsets && { offsets }) };
    if (dim !== this.width)
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `${name}.dim is ${dim}; the adapter maps vectors of ${this.width}`,
      );
    if ((offsets !== undefined) !== this.late)
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        this.late
          ? `${name}.offsets is missing; this adapter takes several vectors per text`
          : `${name}.offsets is given; this adapter takes one vector per text`,
      );
    if (ids.length !== textsOf(checked))
      throw new CklRangeError('ERR_CKL_SHAPE', `${name} has ${ids.length} ids of ${textsOf(checked)} texts`);
    return checked;
  }

  private checked(vectors: Float32Array, name: string): Float32Array {
    if (!(vectors instanceof Float32Array))
      throw new CklTypeError('ERR_CKL_TYPE', `${name} is not a Float32Array`);
    if (vectors.length % this.width !== 0)
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `${name} has ${vectors.length} elements; it must hold whole vectors of ${this.width}`,
      );
    return vectors;
  }
}
