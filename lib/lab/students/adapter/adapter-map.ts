// A learned linear map of frozen vectors: a full matrix, or the identity plus a matrix of low rank; both
// start as the identity.
import { backward, scores } from '../../../embeddings/index.js';
import { Adam } from '../../training/adam.js';
import type { Random } from '../../training/random.js';

/** The prefix of the table names of a map. */
type Tables = Record<string, Adam>;

/**
 * y = W x with W = identity at first; or y = x + U V x with U = 0 at first, `rank` rows of V and as many columns of U.
 * Its products are those of {@link scores}: a row of W and a vector are a document and a query there.
 */
export class AdapterMap {
  readonly tables: Tables;

  /**
   * @param dim elements of a vector
   * @param rank 0 for a full matrix
   * @param rate on each step's learning rate
   */
  constructor(
    private readonly name: string,
    private readonly dim: number,
    private readonly rank: number,
    rate: number,
    random: Random,
  ) {
    if (rank === 0) {
      const identity = new Float32Array(dim * dim);
      for (let i = 0; i < dim; i++) identity[i * dim + i] = 1;
      this.tables = { [name]: new Adam(identity, dim, rate) };
      return;
    }
    const down = Float32Array.from({ length: rank * dim }, () => random.normal() / Math.sqrt(dim));
    this.tables = {
      [`${name}.down`]: new Adam(down, dim, rate),
      [`${name}.up`]: new Adam(new Float32Array(dim * rank), rank, rate),
    };
  }

  /** The images of vectors, concatenated. */
  apply(vectors: Float32Array): Float32Array {
    const { dim, rank } = this;
    if (vectors.length === 0) return vectors;
    if (rank === 0) return product(vectors, this.table().parameters, dim);
    const out = product(this.low(vectors), this.table('.up').parameters, rank);
    for (let i = 0; i < out.length; i++) out[i] += vectors[i];
    return out;
  }

  /**
   * Adds to the gradient of the map.
   *
   * @param grad dL/d(image), laid out like the vectors
   */
  pull(vectors: Float32Array, grad: Float32Array): void {
    const { dim, rank } = this;
    if (vectors.length === 0) return;
    if (rank === 0) return void pullProduct(vectors, this.table(), dim, grad);
    const low = this.low(vectors);
    const toLow = new Float32Array(low.length);
    pullProduct(low, this.table('.up'), rank, grad, toLow);
    pullProduct(vectors, this.table('.down'), dim, toLow);
  }

  private low(vectors: Float32Array): Float32Array {
    return product(vectors, this.table('.down').parameters, this.dim);
  }

  private table(part = ''): Adam {
    return this.tables[this.name + part];
  }
}

/** vectors · matrixᵀ, both of rows of `dim`. */
const product = (vectors: Float32Array, matrix: Float32Array, dim: number): Float32Array =>
  scores({ queries: vectors, documents: matrix, inBatch: true }, { dim });

/** Adds dL/dmatrix to the table's gradient, and dL/dvectors to `toVectors`. */
function pullProduct(
  vectors: Float32Array,
  table: Adam,
  dim: number,
  grad: Float32Array,
  toVectors?: Float32Array,
): void {
  const { parameters, gradient } = table;
  for (let row = 0; row < parameters.length / dim; row++) table.touch(row);
  const given = { queries: vectors, documents: parameters, inBatch: true, grad, accumulate: true };
  backward(
    { ...given, documentGrad: gradient, ...(toVectors && { queryGrad: toVectors }) },
    { dim, queryGrad: toVectors !== undefined },
  );
}
