// The base of all students: named tables of parameters, each with its optimizer.
import type { Adam, Numbers, RowGradient } from '../training/adam.js';
import type { CandidateList } from '../training/candidates.js';
import type { Saved, Student, StudentState } from '../training/student.js';
import type { BagList } from './words/bags.js';

/** Parameters by table name. */
export type Parameters<N extends Numbers = Float32Array> = Record<string, N>;

/**
 * A student whose parameters are tables. Subclasses define scores, gradients and the data kept between the
 * two.
 */
export abstract class TableStudent<
  L extends CandidateList = BagList,
  N extends Numbers = Float32Array,
> implements Student<L> {
  /** The tables, in a fixed order. */
  protected abstract readonly tables: Readonly<Record<string, Adam<N>>>;

  abstract score(list: L, out: Float32Array, at: number): void;
  abstract backward(list: L, gradScores: Float32Array, at: number): void;
  abstract scale(factor: number): void;

  /** Drops everything computed from the parameters, after they have changed. */
  forget(): void {
    // Some students keep nothing.
  }

  get gradients(): readonly Adam<Numbers>[] | undefined {
    return Object.values(this.tables) as readonly Adam<N>[] as unknown as readonly Adam<Numbers>[];
  }

  takeGradients(): RowGradient[] {
    this.settle();
    return (this.gradients ?? []).map((table) => table.take());
  }

  /** All parameters, by name; call {@link forget} after writing to them. */
  get parameters(): Parameters<N> {
    return this.mapTables(({ parameters }) => parameters);
  }

  /** The shape of each table: rows × width, or rows alone. */
  get shapes(): Record<string, number[]> {
    return this.mapTables(({ parameters, width }) =>
      width === 1 ? [parameters.length] : [parameters.length / width, width],
    );
  }

  /** The student's data that does not learn, by name. */
  get fixed(): Parameters {
    return {};
  }

  /** The gradient of a table, as added up since the last step. */
  gradient(name: string): N {
    this.settle();
    return this.tables[name].gradient;
  }

  /**
   * Transfers what the backward passes have gathered to the tables; does nothing if they write to the tables
   * directly.
   */
  protected settle(): void {
    // Most students have nothing to transfer.
  }

  step(learningRate: number): void {
    this.settle();
    for (const table of Object.values(this.tables)) table.step(learningRate);
    this.forget();
  }

  save(): Saved {
    const parameters = this.mapTables((table) => table.parameters.slice() as N);
    return Object.assign(() => this.load(parameters), { parameters });
  }

  /** Loads saved parameters of a student of the same shape. */
  load(saved: Record<string, Numbers>): void {
    for (const [name, { parameters }] of Object.entries(this.tables)) parameters.set(saved[name]);
    this.forget();
  }

  restart(): void {
    for (const table of Object.values(this.tables)) table.restart();
  }

  get state(): StudentState {
    const arrays: Record<string, Numbers> = {};
    for (const [name, { parameters, first, second }] of Object.entries(this.tables)) {
      Object.assign(arrays, { [name]: parameters, [`${name}.first`]: first, [`${name}.second`]: second });
    }
    return { arrays, steps: this.mapTables(({ steps }) => steps) };
  }

  restore({ arrays, steps }: StudentState): void {
    for (const [name, values] of Object.entries(this.state.arrays)) values.set(arrays[name]);
    for (const [name, table] of Object.entries(this.tables)) table.steps = steps[name];
    this.forget();
  }

  private mapTables<T>(value: (table: Adam<N>) => T): Record<string, T> {
    return Object.fromEntries(Object.entries(this.tables).map(([name, table]) => [name, value(table)]));
  }
}
