// Parts the queries into train, dev and held-out test, by the folder's own splits where it has them.
import type { Qrels } from '../metrics/index.js';
import type { CandidateList } from './candidates.js';
import { Random } from './random.js';

export interface Split<L extends CandidateList> {
  train: L[];
  dev: L[];
  test: L[];
  /** Judgements of all queries, for the measures. */
  qrels: Qrels;
  /** Training lists left out because they hold no positive, or nothing but positives: no ranking can be learned from them. */
  unusable: number;
}

/** What part of the queries is set apart where the folder has no such split. */
const TEST_SHARE = 0.3;
const DEV_SHARE = 0.15;

/**
 * Test queries are those of the split `test`; without one, 30 % of all. Dev queries are those of `dev` (or `val`, `validation`);
 * without one, 15 % of what is left. The rest trains. What is drawn depends on the seed alone.
 *
 * @throws RangeError when a part would be empty
 */
export function splitLists<L extends CandidateList>(
  { lists, qrels }: { lists: readonly L[]; qrels: ReadonlyMap<string, Qrels> },
  seed: number,
): Split<L> {
  const random = new Random(seed);
  const merged: Qrels = new Map([...qrels.values()].flatMap((split) => [...split]));
  const inSplit = (names: string[]) => {
    const found = names.map((name) => qrels.get(name)).find((split) => split !== undefined);
    return found && ((list: L) => found.has(list.qid));
  };
  const draw = (from: readonly L[], share: number) => {
    const chosen = new Set(random.shuffle([...from]).slice(0, Math.round(share * from.length)));
    return (list: L) => chosen.has(list);
  };
  const isTest = inSplit(['test']) ?? draw(lists, TEST_SHARE);
  const known = lists.filter((list) => !isTest(list));
  const isDev = inSplit(['dev', 'val', 'validation']) ?? draw(known, DEV_SHARE);

  const rest = known.filter((list) => !isDev(list));
  const train = rest.filter((list) => list.labels.includes(1) && list.labels.includes(0));
  const split = {
    train,
    dev: known.filter(isDev),
    test: lists.filter(isTest),
    qrels: merged,
    unusable: rest.length - train.length,
  };
  for (const part of ['train', 'dev', 'test'] as const) {
    if (split[part].length === 0) {
      throw new RangeError(
        `no ${part} queries: the teacher scored ${lists.length} judged queries, of splits ${[...qrels.keys()].join(', ')}`,
      );
    }
  }
  return split;
}
