// Dot products of a few vectors with many rows of a table: the inner loop of late interaction.
import { assemble } from './products-kernel.js';

const PAGE = 65536;

/** Rows are taken four at a time: how many there are with the padding. */
export const paddedRows = (rows: number): number => (rows + 3) & ~3;

type Kernel = (
  ...addresses: [
    table: number,
    few: number,
    chosen: number,
    out: number,
    end: number,
    rows: number,
    width: number,
  ]
) => void;

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What of WebAssembly is used; its types come with those of browsers alone. */
interface Machine {
  Memory: new (options: { initial: number }) => Memory;
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: { products: Kernel } };
}

const machine = (globalThis as unknown as { WebAssembly: Machine }).WebAssembly;
let compiled: object | undefined;

/** A table of vectors where the machine code of {@link assemble} reads them. */
export class ProductTable {
  private readonly memory: Memory;
  private readonly kernel: Kernel;
  private readonly bytes: number;

  /** @param vectors rows × width, copied */
  constructor(
    vectors: Float32Array,
    readonly width: number,
  ) {
    this.memory = new machine.Memory({ initial: Math.ceil(vectors.byteLength / PAGE) + 1 });
    compiled ??= new machine.Module(assemble());
    const instance = new machine.Instance(compiled, { env: { memory: this.memory } });
    this.kernel = instance.exports.products;
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
    const { width, memory } = this;
    const rows = few.length / width;
    if (rows === 0 || chosen.length === 0) return new Float32Array(0);
    const count = paddedRows(chosen.length);
    const fewAt = this.bytes;
    const chosenAt = fewAt + few.byteLength;
    const outAt = chosenAt + 4 * count;
    const end = outAt + 4 * count * rows;
    if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE));
    const columns = new Float32Array(memory.buffer, fewAt, few.length);
    for (let t = 0; t < rows; t++) for (let k = 0; k < width; k++) columns[k * rows + t] = few[t * width + k];
    const places = new Int32Array(memory.buffer, chosenAt, count);
    places.set(chosen);
    // What fills up the last four is thrown away.
    places.fill(0, chosen.length);
    this.kernel(0, fewAt, chosenAt, outAt, chosenAt + 4 * count, 4 * rows, 4 * width);
    return new Float32Array(memory.buffer, outAt, chosen.length * rows).slice();
  }
}
