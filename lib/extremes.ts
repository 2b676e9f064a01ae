// The largest and the smallest of many numbers: a call with one argument per number would overflow the stack.

/** The largest value, `least` if there are none. */
export function largest(values: Iterable<number>, least = -Infinity): number {
  let found = least;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** The smallest value, ∞ if there are none. */
export function smallest(values: Iterable<number>): number {
  let found = Infinity;
  for (const value of values) found = Math.min(found, value);
  return found;
}
