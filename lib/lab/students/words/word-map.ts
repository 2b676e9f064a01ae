// A learned linear map whose results have length 1: a dense student applies it to its sums, the others to a
// query's words.
import { tables } from '../../../native/tables.js';
import { Adam } from '../../training/adam.js';
import { floatRoom } from '../room.js';

/** The images of table rows. */
export interface MappedRows {
  /** M v / |M v| of each row v: rows × width. */
  units: Float32Array;
  /** |M v| of each row. */
  lengths: Float64Array;
}

/** M, width × width, at first the identity. The width is a multiple of four. */
export class WordMap {
  readonly table: Adam;
  private readonly transposed: Float32Array;
  /** Whether M has changed since it was transposed. */
  private stale = true;
  private readonly gathered = floatRoom();

  constructor(private readonly width: number) {
    this.table = new Adam(new Float32Array(width * width), width, 1, 'native');
    this.transposed = new Float32Array(width * width);
    for (let k = 0; k < width; k++) this.table.parameters[k * width + k] = 1;
  }

  /** The parameters have changed. */
  forget(): void {
    this.stale = true;
  }

  /**
   * Maps n chosen rows of a table, all of it without `chosen`.
   *
   * @param units receives M v / |M v| of each, or 0 if M v is 0
   * @param lengths receives |M v|
   */
  apply(table: Float32Array, chosen: Int32Array | null, n: number, { units, lengths }: MappedRows): void {
    if (this.stale) this.transpose();
    const { width, transposed } = this;
    tables().product(table, width, chosen, n, transposed, width, units);
    tables().normalise(units, width, n, lengths);
  }

  /** The same into new arrays. */
  applyToRows(table: Float32Array, rows: Int32Array): MappedRows {
    const units = new Float32Array(rows.length * this.width);
    const mapped = { units, lengths: new Float64Array(rows.length) };
    this.apply(table, rows, rows.length, mapped);
    return mapped;
  }

  /**
   * Carries the gradient with respect to n units back to the map.
   *
   * @param vectors the v of each: n × width
   * @param upstream dL/d unit of each; dL/d M v takes its place
   */
  pull(vectors: Float32Array, { units, lengths }: MappedRows, n: number, upstream: Float32Array): void {
    const { table, width } = this;
    if (n === 0) return;
    tables().pullUnits(units, width, lengths, n, upstream);
    for (let j = 0; j < width; j++) table.touch(j);
    tables().addOuter(upstream, width, vectors, width, n, table.gradient);
  }

  /** Writes Mᵀ g of n rows g to `out`: the gradient with respect to v, of that with respect to M v. */
  pullBack(g: Float32Array, n: number, out: Float32Array): void {
    const { width, table } = this;
    tables().product(g, width, null, n, table.parameters, width, out);
  }

  /**
   * Carries the gradient with respect to the units of rows back to the map.
   *
   * @param upstream dL/d unit of each row: rows × width; changed
   */
  pullRows(table: Float32Array, rows: Int32Array, mapped: MappedRows, upstream: Float32Array): void {
    const { width } = this;
    if (mapped.lengths.every((length) => length === 0)) return;
    const vectors = this.gathered.of(rows.length * width);
    rows.forEach((row, t) => vectors.set(table.subarray(row * width, (row + 1) * width), t * width));
    this.pull(vectors, mapped, rows.length, upstream);
  }

  private transpose(): void {
    const { width, transposed, table } = this;
    for (let j = 0; j < width; j++)
      for (let k = 0; k < width; k++) transposed[k * width + j] = table.parameters[j * width + k];
    this.stale = false;
  }
}
