// What the students of the refinement have in common: named tables of parameters, each with its row-sparse Adam.
import type { Saved, Student } from '../training/student.js';
import type { BagList } from './words/bags.js';
import type { SparseAdam } from '../training/sparse-adam.js';

/** Parameters by table name. */
export type Parameters = Record<string, Float32Array>;

/** A student whose parameters are tables. What is left to it: scores, gradients and what it remembers between the two. */
export abstract class TableStudent implements Student<BagList> {
  /** The tables, in a fixed order. */
  protected abstract readonly tables: Readonly<Record<string, SparseAdam>>;

  abstract score(list: BagList, out: Float32Array, at: number): void;
  abstract backward(list: BagList, gradScores: Float32Array, at: number): void;
  abstract scale(factor: number): void;
  /** Drops everything computed from the parameters: they have changed. */
  abstract forget(): void;

  /** All parameters, by name; who writes to them calls {@link forget}. */
  get parameters(): Parameters {
    return mapTables(this.tables, ({ parameters }) => parameters);
  }

  /** The gradient of a table, as added up since the last step. */
  gradient(name: string): Float32Array {
    this.settle();
    return this.tables[name].gradient;
  }

  /** Carries on to the tables what the backward passes have gathered; nothing, where they write to the tables themselves. */
  protected settle(): void {
    // Most students have nothing to carry.
  }

  step(learningRate: number): void {
    this.settle();
    for (const table of Object.values(this.tables)) table.step(learningRate);
    this.forget();
  }

  save(): Saved {
    const parameters = mapTables(this.tables, (table) => table.parameters.slice());
    return Object.assign(() => this.load(parameters), { parameters });
  }

  /** Takes over saved parameters. */
  load(saved: Parameters): void {
    for (const [name, { parameters }] of Object.entries(this.tables)) parameters.set(saved[name]);
    this.forget();
  }

  restart(): void {
    for (const table of Object.values(this.tables)) table.restart();
  }

  /** Everything that training changes, the arrays themselves and not copies: parameters, both moments, and counts of steps. */
  get state(): { arrays: Record<string, Float32Array>; steps: Record<string, number> } {
    const arrays: Record<string, Float32Array> = {};
    for (const [name, { parameters, first, second }] of Object.entries(this.tables)) {
      Object.assign(arrays, { [name]: parameters, [`${name}.first`]: first, [`${name}.second`]: second });
    }
    return { arrays, steps: mapTables(this.tables, ({ steps }) => steps) };
  }

  /** Takes over a state that {@link state} gave, of a student of the same shape. */
  restore({ arrays, steps }: TableStudent['state']): void {
    for (const [name, values] of Object.entries(this.state.arrays)) values.set(arrays[name]);
    for (const [name, table] of Object.entries(this.tables)) table.steps = steps[name];
    this.forget();
  }
}

function mapTables<T>(
  tables: Readonly<Record<string, SparseAdam>>,
  value: (table: SparseAdam) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, value(table)]));
}
