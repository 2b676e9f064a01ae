// The quantities of the paper's Figure 3: the separation of positives and negatives, and the evenness of the
// positives.
import { prepare } from '../../index.js';
import { TrainingBatch } from '../training/batch.js';
import type { CandidateList } from '../training/candidates.js';
import { longest } from '../training/list-length.js';
import type { Student } from '../training/student.js';
import { dealtScores, type Team } from '../training/team.js';

export interface Behaviour {
  /** Lowest positive minus highest negative probability among the student's ten best documents, mean over lists. */
  separation: number;
  /** Shannon entropy of the student's probabilities of the positives, in nats, mean over lists. */
  entropy: number;
}

/** The student's behaviour on lists; only those with a positive and a negative count. */
export function behaviourOn<L extends CandidateList>(
  student: Student<L>,
  lists: readonly L[],
  team?: Team,
): Behaviour {
  const usable = lists.filter((list) => list.labels.includes(1) && list.labels.includes(0));
  const batch = new TrainingBatch<L>([usable.length, longest(usable)]);
  batch.fill(usable);
  const { student: scores, teacher, labels, offsets } = batch;
  const score = dealtScores(student, usable, team);
  usable.forEach((list, b) => scores.set(score(list), offsets[b]));
  using kl = prepare('kl', { shape: batch.shape, diagnostics: true });
  const { diagnostics } = kl.run({ student: scores, teacher, labels, offsets });
  const mean = (values: Float32Array) => {
    // A list without a positive or a negative among its ten best has no separation there.
    const known = values.subarray(0, usable.length).filter((value) => Number.isFinite(value));
    return known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
  };
  return { separation: mean(diagnostics!.separationTop10), entropy: mean(diagnostics!.entropy) };
}
