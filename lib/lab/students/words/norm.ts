// The Euclidean length of a vector of any size: Math.hypot takes one argument per number, and calls have a
// maximum number of arguments.

/** Scaled by the largest magnitude, and summed with compensation (Kahan), as V8 computes Math.hypot. */
export function norm(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  if (most === 0) return 0;
  let [sum, compensation] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const scaled = values[i] / most;
    const summand = scaled * scaled - compensation;
    const next = sum + summand;
    compensation = next - sum - summand;
    sum = next;
  }
  return Math.sqrt(sum) * most;
}
