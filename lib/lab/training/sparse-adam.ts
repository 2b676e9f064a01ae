// Adam over a table of which each step touches few rows: only these are read and written.
import { endOf, type Heap } from '../students/kernels/heap.js';
import { BETA1, BETA2, EPSILON } from '../students/kernels/row-kernels.js';

/**
 * The gradient of a table of parameters, and its optimizer. A row that a step does not touch keeps its parameters and moments as they are
 * ("lazy" Adam); a table whose every row is touched by every step is updated as by plain Adam.
 */
export class SparseAdam {
  readonly gradient: Float32Array;
  /** Running means of the gradient and of its square. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** How many steps were made; to be written only when a saved state comes back. */
  steps = 0;
  /** The rows that the next step touches, each once. */
  rows: number[] = [];
  private readonly touched: Uint8Array;

  /**
   * @param parameters rows × width, updated in place
   * @param rate multiplies the learning rate of every step
   * @param heap holds the parameters of a table whose width is a multiple of four; its steps are made there, in float32
   */
  constructor(
    readonly parameters: Float32Array,
    private readonly width: number,
    private readonly rate = 1,
    private readonly heap?: Heap,
  ) {
    const numbers = () => heap?.floats(parameters.length) ?? new Float32Array(parameters.length);
    this.gradient = numbers();
    this.first = numbers();
    this.second = numbers();
    this.touched = new Uint8Array(parameters.length / width);
  }

  /** Says that the gradient of a row is written to; to be called before it is. */
  touch(row: number): void {
    if (this.touched[row] === 1) return;
    this.touched[row] = 1;
    this.rows.push(row);
  }

  /** One step against the gradient of the touched rows, which is then 0 again. */
  step(learningRate: number): void {
    this.steps++;
    const rate = (learningRate * this.rate) / (1 - BETA1 ** this.steps);
    const correction = 1 / (1 - BETA2 ** this.steps);
    if (this.heap) this.stepInHeap(this.heap, rate, correction);
    else this.stepHere(rate, correction);
    for (const row of this.rows) this.touched[row] = 0;
    this.rows = [];
  }

  private stepHere(rate: number, correction: number): void {
    const { parameters, gradient, first, second, width } = this;
    for (const row of this.rows) {
      for (let i = row * width; i < (row + 1) * width; i++) {
        const g = gradient[i];
        first[i] = BETA1 * first[i] + (1 - BETA1) * g;
        second[i] = BETA2 * second[i] + (1 - BETA2) * g * g;
        parameters[i] -= (rate * first[i]) / (Math.sqrt(second[i] * correction) + EPSILON);
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
