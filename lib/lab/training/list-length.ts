// The length of training lists.

/** Documents of the longest list, 0 without lists. */
export function longest(lists: readonly { docids: readonly string[] }[]): number {
  return lists.reduce((most, { docids }) => Math.max(most, docids.length), 0);
}
