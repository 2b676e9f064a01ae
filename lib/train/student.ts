// The student: a weighted sum of features, and its exact gradient.

/** score(x) = w · x, with x the standardised features of a query and a document. */
export class LinearStudent {
  /** w, one weight a feature. */
  readonly weights: Float64Array;

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
  }

  /** Multiplies all scores by a factor. */
  scale(factor: number): void {
    for (let f = 0; f < this.features; f++) this.weights[f] *= factor;
  }

  /**
   * Scores documents.
   *
   * @param x features, document after document
   * @param out receives one score a document, from `at` on
   */
  score(x: Float64Array, out: Float32Array, at = 0): void {
    const { features, weights } = this;
    for (let d = 0, row = 0; row < x.length; d++, row += features) {
      let score = 0;
      for (let f = 0; f < features; f++) score += weights[f] * x[row + f];
      out[at + d] = score;
    }
  }

  /**
   * Adds dL/dw to `gradient`: the sum over documents of dL/dscore times x.
   *
   * @param gradScores dL/dscore of each document, from `at` on
   */
  backward(x: Float64Array, gradScores: Float32Array, gradient: Float64Array, at = 0): void {
    const { features } = this;
    for (let d = 0, row = 0; row < x.length; d++, row += features) {
      const g = gradScores[at + d];
      for (let f = 0; f < features; f++) gradient[f] += g * x[row + f];
    }
  }
}
