// Adam over a table of which each step touches few rows: only these are read and written.

const BETA1 = 0.9;
const BETA2 = 0.999;

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
  private readonly touched: Uint8Array;
  private rows: number[] = [];

  /**
   * @param parameters rows × width, updated in place
   * @param rate multiplies the learning rate of every step
   */
  constructor(
    readonly parameters: Float32Array,
    private readonly width: number,
    private readonly rate = 1,
  ) {
    this.gradient = new Float32Array(parameters.length);
    this.first = new Float32Array(parameters.length);
    this.second = new Float32Array(parameters.length);
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
    const { parameters, gradient, first, second, width } = this;
    this.steps++;
    const correction1 = 1 - BETA1 ** this.steps;
    const correction2 = 1 - BETA2 ** this.steps;
    for (const row of this.rows) {
      for (let i = row * width; i < (row + 1) * width; i++) {
        const g = gradient[i];
        first[i] = BETA1 * first[i] + (1 - BETA1) * g;
        second[i] = BETA2 * second[i] + (1 - BETA2) * g * g;
        const direction = first[i] / correction1 / (Math.sqrt(second[i] / correction2) + 1e-8);
        parameters[i] -= learningRate * this.rate * direction;
        gradient[i] = 0;
      }
      this.touched[row] = 0;
    }
    this.rows = [];
  }

  /** Forgets all steps: the next one is the first again. The parameters stay. */
  restart(): void {
    this.first.fill(0);
    this.second.fill(0);
    this.steps = 0;
  }
}
