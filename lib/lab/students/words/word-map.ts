// A learned linear map whose results have length 1: what a dense student puts behind its sums, the others before a query's words.
import { endOf, type Heap } from '../kernels/heap.js';
import { Adam } from '../../training/adam.js';

/** Rows of a table as the map leaves them. */
export interface MappedRows {
  /** M v / |M v| of each row v: rows × width. */
  units: Float32Array;
  /** |M v| of each row. */
  lengths: Float64Array;
}

/** M, width × width, at first the identity. Vectors are arrays of a heap; the width is a multiple of four. */
export class WordMap {
  readonly table: Adam;
  /** 0, 1, … width - 1. */
  private readonly all: Int32Array;
  private readonly transposed: Float32Array;
  /** Whether M has changed since it was transposed. */
  private stale = true;
  /** One vector on its way. */
  private readonly vector: Float32Array;

  constructor(
    private readonly heap: Heap,
    private readonly width: number,
  ) {
    this.table = new Adam(heap.floats(width * width), width, 1, heap);
    this.transposed = heap.floats(width * width);
    this.vector = heap.floats(width);
    this.all = heap.integers([...Array(width).keys()]);
    for (let k = 0; k < width; k++) this.table.parameters[k * width + k] = 1;
  }

  /** The parameters have changed. */
  forget(): void {
    this.stale = true;
  }

  /**
   * Writes M v / |M v| to `unit`, or 0 where that is 0.
   *
   * @returns |M v|
   */
  apply(v: Float32Array, unit: Float32Array): number {
    if (this.stale) this.transpose();
    unit.fill(0);
    // Σ_k v_k (row k of Mᵀ).
    this.sum(this.transposed, v, unit);
    let square = 0;
    for (let j = 0; j < unit.length; j++) square += unit[j] * unit[j];
    const length = Math.sqrt(square);
    if (length > 0) for (let j = 0; j < unit.length; j++) unit[j] /= length;
    return length;
  }

  /**
   * Carries the gradient with respect to a unit back to the map.
   *
   * @param upstream dL/d unit; dL/d M v takes its place
   */
  pull(v: Float32Array, unit: Float32Array, length: number, upstream: Float32Array): void {
    const { table, all, heap, width } = this;
    let along = 0;
    for (let k = 0; k < width; k++) along += unit[k] * upstream[k];
    // Through unit = z / |z|.
    for (let k = 0; k < width; k++) upstream[k] = (upstream[k] - unit[k] * along) / length;
    for (let j = 0; j < width; j++) table.touch(j);
    const [gradient, factors] = [table.gradient.byteOffset, upstream.byteOffset];
    heap.kernels.addToRows(gradient, all.byteOffset, endOf(all), factors, v.byteOffset, 4 * width);
  }

  /** Adds Mᵀ g to `out`: the gradient with respect to v, of that with respect to M v. */
  pullBack(g: Float32Array, out: Float32Array): void {
    this.sum(this.table.parameters, g, out);
  }

  /** Maps chosen rows of a table. */
  applyToRows(table: Float32Array, rows: Int32Array): MappedRows {
    const { width, vector } = this;
    const units = new Float32Array(rows.length * width);
    const lengths = new Float64Array(rows.length);
    rows.forEach((row, t) => {
      lengths[t] = this.apply(table.subarray(row * width, (row + 1) * width), vector);
      units.set(vector, t * width);
    });
    return { units, lengths };
  }

  /**
   * Carries the gradient with respect to the units of rows back to the map.
   *
   * @param upstream dL/d unit of each row: rows × width
   */
  pullRows(table: Float32Array, rows: Int32Array, mapped: MappedRows, upstream: Float32Array): void {
    const { width, vector } = this;
    rows.forEach((row, t) => {
      if (mapped.lengths[t] === 0) return;
      const [from, to] = [t * width, (t + 1) * width];
      vector.set(upstream.subarray(from, to));
      const v = table.subarray(row * width, (row + 1) * width);
      this.pull(v, mapped.units.subarray(from, to), mapped.lengths[t], vector);
    });
  }

  private sum(table: Float32Array, factors: Float32Array, out: Float32Array): void {
    const { all, heap, width } = this;
    const [rows, end] = [all.byteOffset, endOf(all)];
    heap.kernels.sumRows(table.byteOffset, rows, end, factors.byteOffset, out.byteOffset, 4 * width);
  }

  private transpose(): void {
    const { width, transposed, table } = this;
    for (let j = 0; j < width; j++)
      for (let k = 0; k < width; k++) transposed[k * width + j] = table.parameters[j * width + k];
    this.stale = false;
  }
}
