// The learning rate of each step of a training.

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
