// Spoils part of the training data on purpose: a teacher that is wrong, or labels that are. What a loss makes of it is worth knowing.
import type { CandidateList } from './candidates.js';
import { Random } from './random.js';

export interface Corruption {
  /** Share of the lists, 0 to 1, whose teacher scores are dealt out anew among their documents. Default 0. */
  wrongTeacher?: number;
  /** Share of the lists, 0 to 1, whose positives are moved to documents drawn from all of the list. Default 0. */
  wrongLabels?: number;
}

/** Copies of the lists, some of them spoilt. Which ones, and how, depends on the seed alone. */
export function corrupt<L extends CandidateList>(
  lists: readonly L[],
  { wrongTeacher = 0, wrongLabels = 0 }: Corruption,
  seed: number,
): L[] {
  const random = new Random(seed);
  const chosen = (share: number) =>
    new Set(random.shuffle([...lists.keys()]).slice(0, Math.round(share * lists.length)));
  const [badTeachers, badLabels] = [chosen(wrongTeacher), chosen(wrongLabels)];
  return lists.map((list, i) => {
    const copy = { ...list };
    if (badTeachers.has(i)) copy.teacher = Float32Array.from(random.shuffle([...list.teacher]));
    if (badLabels.has(i)) copy.labels = Uint8Array.from(random.shuffle([...list.labels]));
    return copy;
  });
}
