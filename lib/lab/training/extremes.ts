// The largest of many numbers: a call with one argument per number would overflow the stack.

/** The largest value, `least` if there are none. */
export function largest(values: Iterable<number>, least = -Infinity): number {
  let found = least;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** Documents of the longest list, 0 without lists. */
export function longest(lists: readonly { docids: readonly string[] }[]): number {
  return lists.reduce((most, { docids }) => Math.max(most, docids.length), 0);
}
