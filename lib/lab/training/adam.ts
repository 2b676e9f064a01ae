// Adam (Kingma and Ba 2015) for a table of parameters in which a step touches only some rows: only these are
// read and written.
import { tables } from '../../native/tables.js';

/** Numbers of a table: float32, or float64 for a student of few parameters. */
export type Numbers = Float32Array | Float64Array;

/** A table's gradient in some rows: rows × width. */
export interface RowGradient<N extends Numbers = Numbers> {
  rows: Int32Array;
  values: N;
}

/**
 * Decay of the running means of the gradient and of its square, and the constant that avoids division by 0.
 */
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/**
 * The gradient of a table of parameters, and its optimizer. A row that a step does not touch keeps its parameters and moments ("lazy" Adam);
 * a table whose every row is touched by every step is updated as by textbook Adam.
 */
export class Adam<N extends Numbers = Float32Array> {
  readonly gradient: N;
  /** Running means of the gradient and of its square. */
  readonly first: N;
  readonly second: N;
  /** The number of steps made; set only when a saved state is restored. */
  steps = 0;
  private readonly touched: Uint8Array;
  /** The touched rows, and their number. */
  private readonly list: Int32Array;
  private count = 0;
  private readonly isNative: boolean;

  /**
   * @param parameters rows × width, updated in place
   * @param rate multiplies the learning rate of every step
   * @param arithmetic native: steps are made by the addon in float32, for a table whose width is a multiple of four. Default: in float64, here
   */
  constructor(
    readonly parameters: N,
    readonly width: number,
    private readonly rate = 1,
    ...[arithmetic]: N extends Float32Array ? [arithmetic?: 'native'] : []
  ) {
    this.isNative = arithmetic === 'native';
    // Of the same kind as the parameters.
    const numbers = () => parameters.slice().fill(0) as N;
    this.gradient = numbers();
    this.first = numbers();
    this.second = numbers();
    this.touched = new Uint8Array(parameters.length / width);
    this.list = new Int32Array(this.touched.length);
  }

  /** The rows that the next step touches, each once; valid until then. */
  get rows(): Int32Array {
    return this.list.subarray(0, this.count);
  }

  /** Marks a row whose gradient is about to be written. */
  touch(row: number): void {
    if (this.touched[row] === 1) return;
    this.touched[row] = 1;
    this.list[this.count++] = row;
  }

  /** The gradient of the touched rows, in the order in which they were touched; it is then 0 again, and no row touched. */
  take(): RowGradient<N> {
    const { gradient, width } = this;
    const rows = this.rows.slice();
    const values = gradient.slice(0, rows.length * width) as N;
    rows.forEach((row, i) => {
      values.set(gradient.subarray(row * width, (row + 1) * width), i * width);
      gradient.fill(0, row * width, (row + 1) * width);
    });
    this.leaveRows();
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

  /** One step against the gradient of the touched rows, which is then cleared. */
  step(learningRate: number): void {
    const [rate, correction1, correction2] = this.advance(learningRate);
    if (this.isNative) this.stepNatively(rate / correction1, 1 / correction2);
    else this.stepHere(rate, correction1, correction2);
    this.leaveRows();
  }

  /**
   * One step for rows whose gradient the caller keeps elsewhere, while none is touched here.
   *
   * @param make makes the step, with the rate and the correction that `NativeTables.adam` takes
   */
  stepBy(learningRate: number, make: (rate: number, correction: number) => void): void {
    const [rate, correction1, correction2] = this.advance(learningRate);
    make(rate / correction1, 1 / correction2);
  }

  /** Counts a step; its learning rate, and the corrections of both moments. */
  private advance(learningRate: number): [rate: number, first: number, second: number] {
    this.steps++;
    return [learningRate * this.rate, 1 - BETA1 ** this.steps, 1 - BETA2 ** this.steps];
  }

  private leaveRows(): void {
    const { touched, list, count } = this;
    for (let i = 0; i < count; i++) touched[list[i]] = 0;
    this.count = 0;
  }

  private stepHere(rate: number, correction1: number, correction2: number): void {
    const { parameters, gradient, first, second, width, list, count } = this;
    for (let at = 0; at < count; at++) {
      const row = list[at];
      for (let i = row * width; i < (row + 1) * width; i++) {
        const g = gradient[i];
        first[i] = BETA1 * first[i] + (1 - BETA1) * g;
        second[i] = BETA2 * second[i] + (1 - BETA2) * g * g;
        parameters[i] -= rate * (first[i] / correction1 / (Math.sqrt(second[i] / correction2) + EPSILON));
        gradient[i] = 0;
      }
    }
  }

  private stepNatively(rate: number, correction: number): void {
    const { width, list, count } = this;
    const [parameters, gradient, first, second] = [
      this.parameters,
      this.gradient,
      this.first,
      this.second,
    ] as Float32Array[];
    tables().adam(parameters, width, gradient, first, second, list, count, rate, correction);
  }

  /** Resets the optimizer: the next step is the first again. The parameters stay. */
  restart(): void {
    this.first.fill(0);
    this.second.fill(0);
    this.steps = 0;
  }
}
