// Sorts scores, highest first; equal scores keep their order.

/** Lists up to this length are sorted by insertion, which is fastest and stable. */
const SHORT = 128;

/** The places of the first `count` scores, the highest first. */
export function bestFirst(scores: Float64Array, count: number): Uint32Array {
  const order = new Uint32Array(count);
  if (count > SHORT) {
    let sorted = true;
    for (let i = 0; i < count; i++) {
      order[i] = i;
      if (i > 0 && scores[i] > scores[i - 1]) sorted = false;
    }
    if (sorted) return order;
    return order.sort((a, b) => scores[b] - scores[a] || a - b);
  }
  for (let i = 0; i < count; i++) {
    const score = scores[i];
    let at = i;
    for (; at > 0 && scores[order[at - 1]] < score; at--) order[at] = order[at - 1];
    order[at] = i;
  }
  return order;
}
