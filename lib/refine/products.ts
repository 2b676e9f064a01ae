// Dot products of a few vectors with many rows of a table: the inner loop of late interaction.
import { assemble } from './products-kernel.js';

const PAGE = 65536;

/** Rows are taken four at a time: how many there are with the padding. */
export const paddedRows = (rows: number): number => (rows + 3) & ~3;

type Kernel = (...seven: number[]) => void;

/** The words of documents, one document after the other, as places among some chosen rows. */
export interface Places {
  places: Int32Array;
  /** What each is worth beside its row. */
  factors: Float32Array;
  /** Where each document ends. */
  ends: Int32Array;
}

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What of WebAssembly is used; its types come with those of browsers alone. */
interface Machine {
  Memory: new (options: { initial: number }) => Memory;
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: { products: Kernel; matches: Kernel } };
}

const machine = (globalThis as unknown as { WebAssembly: Machine }).WebAssembly;
let compiled: object | undefined;

/** A table of vectors where the machine code of {@link assemble} reads them. */
export class ProductTable {
  private readonly memory: Memory;
  private readonly kernels: { products: Kernel; matches: Kernel };
  private readonly bytes: number;

  /** @param vectors rows × width, copied */
  constructor(
    vectors: Float32Array,
    readonly width: number,
  ) {
    this.memory = new machine.Memory({ initial: Math.ceil(vectors.byteLength / PAGE) + 1 });
    compiled ??= new machine.Module(assemble());
    const instance = new machine.Instance(compiled, { env: { memory: this.memory } });
    this.kernels = instance.exports;
    new Float32Array(this.memory.buffer).set(vectors);
    this.bytes = vectors.byteLength;
  }

  /**
   * The dot product of each of some vectors with each chosen row of the table, each sum in the order of the columns and in float32, so that
   * it does not depend on its neighbours.
   *
   * @param few rows × width; rows a multiple of four, see {@link paddedRows}
   * @param chosen rows of the table
   * @returns chosen × rows of `few`
   */
  products(few: Float32Array, chosen: Int32Array): Float32Array {
    return this.compute(few, chosen, 0).out.slice();
  }

  /**
   * How well documents match each of some vectors: max_u factor_u weight_u max(0, cosine)² over a document's words u.
   *
   * @param few as for {@link products}
   * @param chosen the rows that the places of documents count in
   * @param weights of the chosen rows
   * @returns documents × rows of `few`; valid until the next call
   */
  matches(
    few: Float32Array,
    chosen: Int32Array,
    weights: ArrayLike<number>,
    { places, factors, ends }: Places,
  ): Float32Array {
    const rows = few.length / this.width;
    if (rows === 0 || chosen.length === 0 || ends.length === 0) return new Float32Array(ends.length * rows);
    const size = 4 * (2 * places.length + ends.length * (1 + rows));
    const { out: worth, at, end } = this.compute(few, chosen, size);
    for (let u = 0, i = 0; u < chosen.length; u++) {
      for (const stop = i + rows; i < stop; i++)
        worth[i] = worth[i] > 0 ? weights[u] * worth[i] * worth[i] : 0;
    }
    const { buffer } = this.memory;
    const factorsAt = end + 4 * places.length;
    const endsAt = factorsAt + 4 * factors.length;
    const outAt = endsAt + 4 * ends.length;
    new Int32Array(buffer, end, places.length).set(places);
    new Float32Array(buffer, factorsAt, factors.length).set(factors);
    new Int32Array(buffer, endsAt, ends.length).set(ends);
    this.kernels.matches(at, end, factorsAt, endsAt, outAt, 4 * rows, outAt);
    return new Float32Array(buffer, outAt, ends.length * rows);
  }

  /** The products where the machine code leaves them, with so many bytes free behind their end. */
  private compute(few: Float32Array, chosen: Int32Array, free: number) {
    const { width, memory } = this;
    const rows = few.length / width;
    const count = paddedRows(chosen.length);
    const fewAt = this.bytes;
    const chosenAt = fewAt + few.byteLength;
    const at = chosenAt + 4 * count;
    const end = at + 4 * count * rows;
    const missing = end + free - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    if (rows > 0 && count > 0) {
      const columns = new Float32Array(memory.buffer, fewAt, few.length);
      for (let t = 0; t < rows; t++)
        for (let k = 0; k < width; k++) columns[k * rows + t] = few[t * width + k];
      const places = new Int32Array(memory.buffer, chosenAt, count);
      places.set(chosen);
      // What fills up the last four is thrown away.
      places.fill(0, chosen.length);
      this.kernels.products(0, fewAt, chosenAt, at, chosenAt + 4 * count, 4 * rows, 4 * width);
    }
    return { out: new Float32Array(memory.buffer, at, chosen.length * rows), at, end };
  }
}
