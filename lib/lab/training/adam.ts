// Adam (Kingma and Ba 2015) over a table of parameters of which a step touches some rows: only these are read and written.
import { endOf, type Heap } from '../students/kernels/heap.js';
import { BETA1, BETA2, EPSILON } from '../students/kernels/row-kernels.js';

/** Numbers of a table: float32, or float64 for a student of few parameters. */
export type Numbers = Float32Array | Float64Array;

/**
 * The gradient of a table of parameters, and its optimizer. A row that a step does not touch keeps its parameters and moments ("lazy" Adam);
 * a table whose every row is touched by every step is updated as by textbook Adam.
 */
export class Adam<N extends Numbers = Float32Array> {
  readonly gradient: N;
  /** Running means of the gradient and of its square. */
  readonly first: N;
  readonly second: N;
  /** How many steps were made; to be written only when a saved state comes back. */
  steps = 0;
  /** The rows that the next step touches, each once. */
  rows: number[] = [];
  private readonly touched: Uint8Array;
  private readonly heap: Heap | undefined;

  /**
   * @param parameters rows × width, updated in place
   * @param rate multiplies the learning rate of every step
   * @param heap holds the parameters of a table whose width is a multiple of four; its steps are made there, in float32
   */
  constructor(
    readonly parameters: N,
    readonly width: number,
    private readonly rate = 1,
    ...[heap]: N extends Float32Array ? [heap?: Heap] : []
  ) {
    this.heap = heap;
    // Of the same kind as the parameters.
    const numbers = () => (heap?.floats(parameters.length) ?? parameters.slice().fill(0)) as N;
    this.gradient = numbers();
    this.first = numbers();
    this.second = numbers();
    this.touched = new Uint8Array(parameters.length / width);
  }

  /** Marks a row whose gradient is about to be written. */
  touch(row: number): void {
    if (this.touched[row] === 1) return;
    this.touched[row] = 1;
    this.rows.push(row);
  }

  /** The gradient of the touched rows, in the order in which they were touched; it is then 0 again, and no row touched. */
  take(): { rows: number[]; values: N } {
    const { rows, gradient, width } = this;
    const values = gradient.slice(0, rows.length * width) as N;
    rows.forEach((row, i) => {
      values.set(gradient.subarray(row * width, (row + 1) * width), i * width);
      gradient.fill(0, row * width, (row + 1) * width);
      this.touched[row] = 0;
    });
    this.rows = [];
    return { rows, values };
  }

  /** Adds to the gradient of rows. */
  add(rows: ArrayLike<number>, values: ArrayLike<number>): void {
    const { gradient, width } = this;
    for (let i = 0; i < rows.length; i++) {
      this.touch(rows[i]);
      for (let k = 0, at = rows[i] * width; k < width; k++) gradient[at + k] += values[i * width + k];
    }
  }

  /** One step against the gradient of the touched rows, which is then 0 again. */
  step(learningRate: number): void {
    this.steps++;
    const rate = learningRate * this.rate;
    const correction1 = 1 - BETA1 ** this.steps;
    const correction2 = 1 - BETA2 ** this.steps;
    if (this.heap) this.stepInHeap(this.heap, rate / correction1, 1 / correction2);
    else this.stepHere(rate, correction1, correction2);
    for (const row of this.rows) this.touched[row] = 0;
    this.rows = [];
  }

  private stepHere(rate: number, correction1: number, correction2: number): void {
    const { parameters, gradient, first, second, width } = this;
    for (const row of this.rows) {
      for (let i = row * width; i < (row + 1) * width; i++) {
        const g = gradient[i];
        first[i] = BETA1 * first[i] + (1 - BETA1) * g;
        second[i] = BETA2 * second[i] + (1 - BETA2) * g * g;
        parameters[i] -= rate * (first[i] / correction1 / (Math.sqrt(second[i] / correction2) + EPSILON));
        gradient[i] = 0;
      }
    }
  }

  private stepInHeap(heap: Heap, rate: number, correction: number): void {
    const { parameters, gradient, first, second, width } = this;
    const rows = heap.scratch().integers(this.rows.length);
    rows.set(this.rows);
    const tables = [parameters, gradient, first, second].map((table) => table.byteOffset);
    heap.kernels.adam(...tables, rows.byteOffset, endOf(rows), 4 * width, rate, correction);
  }

  /** Forgets all steps: the next one is the first again. The parameters stay. */
  restart(): void {
    this.first.fill(0);
    this.second.fill(0);
    this.steps = 0;
  }
}
