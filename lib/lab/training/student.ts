// What the training loop asks of a student, whatever it is made of.
import type { CandidateList } from './candidates.js';

/** Brings parameters back; what they are is there to be written to a checkpoint, where a student can {@link Student.load} them. */
export interface Saved {
  (): void;
  readonly parameters?: Record<string, Float32Array>;
}

/** @typeParam L the lists it scores, with whatever it needs to see of query and documents */
export interface Student<L extends CandidateList> {
  /** Writes the score of each document of the list to `out`, from `at` on. */
  score(list: L, out: Float32Array, at: number): void;
  /** Adds dL/dparameters to the student's gradient, given dL/dscore of each document of the list, from `at` on. */
  backward(list: L, gradScores: Float32Array, at: number): void;
  /** One step of the optimizer against the gradient, which is then forgotten. */
  step(learningRate: number): void;
  /** Multiplies all scores by a factor above 0. */
  scale(factor: number): void;
  /** Notes all parameters; the function it returns brings them back. */
  save(): Saved;
  /** Forgets the optimizer's moments, before another stage of training; a student without it carries them on. */
  restart?(): void;
  /** Takes over saved parameters. */
  load?(parameters: Record<string, Float32Array>): void;
}
