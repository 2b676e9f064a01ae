// The smallest student that is worth training: a weighted sum of features, and its exact gradient.
import { Adam } from '../../training/adam.js';
import type { FeatureList } from './lists.js';
import type { Student } from '../../training/student.js';

/** score(x) = w · x, with x the standardised features of a query and a document. */
export class LinearStudent implements Student<FeatureList> {
  /** w, one weight a feature. */
  readonly weights: Float64Array;
  /** dL/dw, as added up since the last step. */
  readonly gradient: Float64Array;
  private readonly adam: Adam;

  /**
   * @param features how many features a document has
   * @param start the feature the untrained student ranks by, with weight 1; all others start at 0
   */
  constructor(
    readonly features: number,
    start: number,
  ) {
    this.weights = new Float64Array(features);
    this.weights[start] = 1;
    this.gradient = new Float64Array(features);
    this.adam = new Adam(this.weights);
  }

  score({ features: x }: FeatureList, out: Float32Array, at: number): void {
    const { features, weights } = this;
    for (let d = 0, row = 0; row < x.length; d++, row += features) {
      let score = 0;
      for (let f = 0; f < features; f++) score += weights[f] * x[row + f];
      out[at + d] = score;
    }
  }

  backward({ features: x }: FeatureList, gradScores: Float32Array, at: number): void {
    const { features, gradient } = this;
    for (let d = 0, row = 0; row < x.length; d++, row += features) {
      const g = gradScores[at + d];
      for (let f = 0; f < features; f++) gradient[f] += g * x[row + f];
    }
  }

  step(learningRate: number): void {
    this.adam.step(this.gradient, learningRate);
    this.gradient.fill(0);
  }

  scale(factor: number): void {
    for (let f = 0; f < this.features; f++) this.weights[f] *= factor;
  }

  save(): () => void {
    const saved = this.weights.slice();
    return () => this.weights.set(saved);
  }
}
