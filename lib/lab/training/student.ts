// The interface of a student for the training loop.
import type { Adam, Numbers, RowGradient } from './adam.js';
import type { CandidateList } from './candidates.js';

/** Restores parameters when called; they can be read to be written to a checkpoint, from which a student can {@link Student.load} them. */
export interface Saved {
  (): void;
  readonly parameters?: Record<string, Numbers>;
}

/** Everything that training changes: parameters and moments by name, and counts of optimizer steps. */
export interface StudentState {
  arrays: Record<string, Numbers>;
  steps: Record<string, number>;
}

/** @typeParam L the lists it scores, with the data of query and documents that it needs */
export interface Student<L extends CandidateList> {
  /** Writes the score of each document of the list to `out`, from `at` on. */
  score(list: L, out: Float32Array, at: number): void;
  /** Adds dL/dparameters to the student's gradient, given dL/dscore of each document of the list, from `at` on. */
  backward(list: L, gradScores: Float32Array, at: number): void;
  /** Tables that together hold all that {@link Student.backward} adds up; a student whose loss is also one of whole batches has none. */
  readonly gradients?: readonly Adam<Numbers>[];
  /**
   * The gradient that {@link Student.backward} has added up since the last call, for each of {@link
   * Student.gradients}; it is cleared.
   */
  takeGradients?(): RowGradient[];
  /** One step of the optimizer against the gradient, which is then cleared. */
  step(learningRate: number): void;
  /** Multiplies all scores by a factor above 0. */
  scale(factor: number): void;
  /** Saves all parameters; the returned function restores them. */
  save(): Saved;
  /**
   * Resets the optimizer's moments before another stage of training; a student without this method keeps
   * them.
   */
  restart?(): void;
  /** Takes over saved parameters. */
  load?(parameters: Record<string, Numbers>): void;
  /** The arrays themselves, not copies; a student without this method cannot be written to a checkpoint. */
  readonly state?: StudentState;
  /** Takes over the state of a student of the same shape. */
  restore?(state: StudentState): void;
}
