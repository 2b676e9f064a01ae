// Deliberately corrupts part of the training lists, with a wrong teacher or wrong labels, to test the
// robustness of losses.
import type { CandidateList } from '../training/candidates.js';
import { Random } from '../training/random.js';
import type { Condition } from './plan.js';

/** The training lists of a condition, the same for every loss. The seed alone decides which lists are corrupted and how. */
export function spoil<L extends CandidateList>(
  lists: readonly L[],
  { wrongTeacher, wrongLabels }: Pick<Condition, 'wrongTeacher' | 'wrongLabels'>,
  seed: number,
): readonly L[] {
  const taught = wrongTeacher > 0 ? swapPositives(lists, wrongTeacher, seed) : lists;
  return wrongLabels > 0 ? moveLabels(taught, wrongLabels, seed) : taught;
}

function choose(lists: readonly unknown[], share: number, random: Random): Set<number> {
  return new Set(random.shuffle([...lists.keys()]).slice(0, Math.round(share * lists.length)));
}

/**
 * Copies of the lists; in a share of them the teacher takes each positive for another document, of the half that it ranks lower, and
 * that document for the positive.
 */
export function swapPositives<L extends CandidateList>(
  lists: readonly L[],
  share: number,
  seed: number,
): L[] {
  const random = new Random(seed);
  const chosen = choose(lists, share, random);
  return lists.map((list, i) => {
    if (!chosen.has(i)) return list;
    const teacher = list.teacher.slice();
    const order = [...teacher.keys()].sort((a, b) => teacher[b] - teacher[a]);
    const low = order.slice(Math.floor(order.length / 2)).filter((d) => list.labels[d] === 0);
    random.shuffle(low);
    for (const positive of list.labels.keys()) {
      const other = list.labels[positive] === 1 ? low.pop() : undefined;
      if (other === undefined) continue;
      [teacher[positive], teacher[other]] = [teacher[other], teacher[positive]];
    }
    return { ...list, teacher };
  });
}

/** Copies of the lists; in a share of them the labels move to documents drawn from all of the list. */
export function moveLabels<L extends CandidateList>(lists: readonly L[], share: number, seed: number): L[] {
  const random = new Random(seed);
  // Another choice than of the lists whose teacher is wrong.
  choose(lists, 0, random);
  const chosen = choose(lists, share, random);
  return lists.map((list, i) =>
    chosen.has(i) ? { ...list, labels: Uint8Array.from(random.shuffle([...list.labels])) } : list,
  );
}
