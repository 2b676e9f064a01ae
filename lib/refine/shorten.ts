// Cuts a candidate list down to what is trained on.
import type { BagList } from './bags.js';

/** The positives of a list and the teacher's best others, `docs` in all where there are as many, in the teacher's order. */
export function shorten(list: BagList, docs: number): BagList {
  const others = Math.max(1, docs - list.labels.reduce((sum, label) => sum + label, 0));
  const order = [...list.docids.keys()].sort((i, j) => list.teacher[j] - list.teacher[i]);
  let seen = 0;
  const kept = order.filter((i) => list.labels[i] === 1 || seen++ < others);
  return {
    ...list,
    docids: kept.map((i) => list.docids[i]),
    documents: kept.map((i) => list.documents[i]),
    teacher: Float32Array.from(kept, (i) => list.teacher[i]),
    labels: Uint8Array.from(kept, (i) => list.labels[i]),
  };
}
