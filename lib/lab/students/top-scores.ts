// Collects the highest scores of a query's documents, block by block.

/** Keeps the `depth` highest scores, and all that tie with the last of them, for the measure to order. NaN and -Infinity are never kept. */
export class TopScores {
  private places: number[] = [];
  private scores: number[] = [];
  /** The score to reach once there are `depth` of them. */
  private threshold = -Infinity;
  private limit: number;

  constructor(private readonly depth: number) {
    this.limit = 2 * depth;
  }

  /** @param first the place of the first document of the block */
  add(first: number, scores: Float32Array): void {
    for (let i = 0; i < scores.length; i++) {
      if (!(scores[i] >= this.threshold && scores[i] > -Infinity)) continue;
      this.places.push(first + i);
      this.scores.push(scores[i]);
      if (this.places.length >= this.limit) this.cut();
    }
  }

  /** Place and score of each, in the order in which they came. */
  entries(): [place: number, score: number][] {
    this.cut();
    return this.places.map((place, i) => [place, this.scores[i]]);
  }

  private cut(): void {
    if (this.scores.length <= this.depth) return;
    const threshold = Float32Array.from(this.scores).sort()[this.scores.length - this.depth];
    const kept = [...this.scores.keys()].filter((i) => this.scores[i] >= threshold);
    this.places = kept.map((i) => this.places[i]);
    this.scores = kept.map((i) => this.scores[i]);
    this.threshold = threshold;
    // Many may tie with the last.
    this.limit = 2 * Math.max(this.depth, kept.length);
  }
}
