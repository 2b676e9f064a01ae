// Adam (Kingma and Ba 2015) with decoupled weight decay, over one flat parameter array.

export class Adam {
  private readonly first: Float64Array;
  private readonly second: Float64Array;
  private steps = 0;

  /**
   * @param parameters updated in place
   * @param decay share of each parameter taken away a step, times the learning rate; 0 for none
   */
  constructor(
    private readonly parameters: Float64Array,
    private readonly decay = 0,
    private readonly beta1 = 0.9,
    private readonly beta2 = 0.999,
  ) {
    this.first = new Float64Array(parameters.length);
    this.second = new Float64Array(parameters.length);
  }

  /** One step against the gradient. */
  step(gradient: Float64Array, learningRate: number): void {
    const { parameters, first, second, beta1, beta2 } = this;
    this.steps++;
    const correction1 = 1 - beta1 ** this.steps;
    const correction2 = 1 - beta2 ** this.steps;
    for (let i = 0; i < parameters.length; i++) {
      first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
      second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
      const direction = first[i] / correction1 / (Math.sqrt(second[i] / correction2) + 1e-8);
      parameters[i] -= learningRate * (direction + this.decay * parameters[i]);
    }
  }
}

/** The learning rate of a step: linear from `peak` at step 0 to a tenth of it at the last. */
export function linearDecay(peak: number, step: number, steps: number): number {
  return peak * (1 - (0.9 * step) / Math.max(1, steps - 1));
}

/**
 * The learning rate of a step: it rises linearly over the first steps, while {@link linearDecay} takes its course.
 *
 * @param rise share of the steps over which it rises, 0 to 1; 0 for none
 */
export function riseAndDecay(peak: number, step: number, steps: number, rise: number): number {
  return linearDecay(peak, step, steps) * Math.min(1, (step + 1) / Math.max(1, Math.round(rise * steps)));
}
