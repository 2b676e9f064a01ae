// Cuts a candidate list down to what is trained on.
import type { CandidateList, DocumentList } from '../training/candidates.js';
import type { Random } from '../training/random.js';

/** The list with only the documents at the given places, in this order. */
export function pick<L extends DocumentList>(list: L, places: readonly number[]): L {
  return {
    ...list,
    docids: places.map((i) => list.docids[i]),
    documents: places.map((i) => list.documents[i]),
    teacher: Float32Array.from(places, (i) => list.teacher[i]),
    labels: Uint8Array.from(places, (i) => list.labels[i]),
  };
}

/** How many documents that are no positives a list of `docs` has room for; at least one. */
const roomForOthers = ({ labels }: CandidateList, docs: number) =>
  Math.max(1, docs - labels.reduce((sum, label) => sum + label, 0));

/** The positives of a list and the teacher's best others, `docs` in all where there are as many, in the teacher's order. */
export function shorten<L extends DocumentList>(list: L, docs: number): L {
  const others = roomForOthers(list, docs);
  const order = [...list.docids.keys()].sort((i, j) => list.teacher[j] - list.teacher[i]);
  let seen = 0;
  return pick(
    list,
    order.filter((i) => list.labels[i] === 1 || seen++ < others),
  );
}

/** All lists, each shortened to `docs`; as they are where that is undefined. */
export const shortenAll = <L extends DocumentList>(
  lists: readonly L[],
  docs: number | undefined,
): readonly L[] => (docs === undefined ? lists : lists.map((list) => shorten(list, docs)));

/** The positives of a list and others drawn from it, `docs` in all where there are as many, in the order they have there. */
export function draw<L extends DocumentList>(list: L, docs: number, random: Random): L {
  const others = random.shuffle([...list.docids.keys()].filter((i) => list.labels[i] === 0));
  const chosen = new Set(others.slice(0, roomForOthers(list, docs)));
  return pick(
    list,
    [...list.docids.keys()].filter((i) => list.labels[i] === 1 || chosen.has(i)),
  );
}

/**
 * For each list of a batch, its query with the positives of all lists of the batch, each document once; its own are labelled 1. The
 * teacher did not score these, so the teacher's scores are 0.
 */
export function crossPositives<L extends DocumentList>(batch: readonly L[]): L[] {
  const pool = new Map<string, unknown>();
  const own = batch.map((list) => {
    const positives = [...list.docids.keys()].filter((i) => list.labels[i] === 1);
    for (const i of positives) pool.set(list.docids[i], list.documents[i]);
    return new Set(positives.map((i) => list.docids[i]));
  });
  const docids = [...pool.keys()];
  const documents = [...pool.values()];
  return batch.map((list, b) => ({
    ...list,
    docids,
    documents,
    teacher: new Float32Array(docids.length),
    labels: Uint8Array.from(docids, (id) => (own[b].has(id) ? 1 : 0)),
  }));
}
