// The smallest student worth training: a weighted sum of features, with its exact gradient.
import { Adam } from '../../training/adam.js';
import { TableStudent } from '../table-student.js';
import type { FeatureList } from './lists.js';

/** score(x) = w · x, with x the standardised features of a query and a document. */
export class LinearStudent extends TableStudent<FeatureList, Float64Array> {
  /** w, one weight per feature. */
  readonly weights: Float64Array;
  protected readonly tables: Record<'weights', Adam<Float64Array>>;

  /**
   * @param features number of features per document
   * @param start the feature the untrained student ranks by, with weight 1; all others start at 0
   */
  constructor(
    readonly features: number,
    start: number,
  ) {
    super();
    this.weights = new Float64Array(features);
    this.weights[start] = 1;
    this.tables = { weights: new Adam(this.weights, features) };
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
    const { features } = this;
    const { weights: table } = this.tables;
    table.touch(0);
    for (let d = 0, row = 0; row < x.length; d++, row += features) {
      const g = gradScores[at + d];
      for (let f = 0; f < features; f++) table.gradient[f] += g * x[row + f];
    }
  }

  scale(factor: number): void {
    for (let f = 0; f < this.features; f++) this.weights[f] *= factor;
  }
}
