// Splits the queries into train, dev and held-out test, by the folder's own splits if it has them.
import { mergeQrels } from '../../data/index.js';
import type { Qrels } from '../../metrics/index.js';
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

/** Contradictory judgements were reported when they were read. */
const mergeAll = (qrels: ReadonlyMap<string, Qrels>): Qrels => mergeQrels(qrels, { skipBad: true });

/** The fraction of the queries that is set apart if the folder has no such split. */
const TEST_SHARE = 0.3;
const DEV_SHARE = 0.15;

/**
 * Test queries are those of the split `test`; without one, 30 % of all. Dev queries are those of `dev` (or `val`, `validation`);
 * without one, 15 % of what is left. The rest trains. What is drawn depends on the seed alone.
 *
 * @throws RangeError if a part would be empty
 */
export function splitLists<L extends CandidateList>(
  { lists, qrels }: { lists: readonly L[]; qrels: ReadonlyMap<string, Qrels> },
  seed: number,
): Split<L> {
  const random = new Random(seed);
  const merged = mergeAll(qrels);
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
      const why =
        part === 'train' && rest.length > 0
          ? `none of ${rest.length} has both a positive and a negative among the teacher's candidates`
          : `the teacher scored ${lists.length} judged queries, of splits ${[...qrels.keys()].join(', ')}`;
      throw new RangeError(`no ${part} queries: ${why}`);
    }
  }
  return split;
}

/**
 * Each query is tested in one fold; of the others of that fold, 15 % are dev. Which are which depends on the seed alone.
 *
 * @throws RangeError if there are too few queries
 */
export function foldLists<L extends CandidateList>(
  { lists, qrels }: { lists: readonly L[]; qrels: ReadonlyMap<string, Qrels> },
  folds: number,
  seed: number,
): Split<L>[] {
  if (lists.length < 3 * folds)
    throw new RangeError(`${folds} folds need at least ${3 * folds} queries, not ${lists.length}`);
  const random = new Random(seed);
  const shuffled = random.shuffle([...lists]);
  const merged = mergeAll(qrels);
  return Array.from({ length: folds }, (_, fold) => {
    const known = random.shuffle(shuffled.filter((_, i) => i % folds !== fold));
    const devs = Math.max(1, Math.round(DEV_SHARE * known.length));
    const rest = known.slice(devs);
    const train = rest.filter((list) => list.labels.includes(1) && list.labels.includes(0));
    if (train.length === 0)
      throw new RangeError(`fold ${fold + 1} of ${folds} has no list with a positive and a negative`);
    return {
      train,
      dev: known.slice(0, devs),
      test: shuffled.filter((_, i) => i % folds === fold),
      qrels: merged,
      unusable: rest.length - train.length,
    };
  });
}
