// Fits a multiplier for the student's scores before training, so that a wrong scale does not spoil a good
// ranking.
import { prepare } from '../../index.js';
import { TrainingBatch } from './batch.js';
import type { CandidateList } from './candidates.js';
import { longest } from './list-length.js';
import type { Student } from './student.js';

/** The multipliers that are tried: 2^-8 to 2^8. */
const LARGEST_LOG2 = 8;
const ROUNDS = 24;

/**
 * The factor for the student's scores with the least mean KL divergence from the teacher. Without it, a student whose scores
 * are too flat or too steep spends its first steps on scale, and may lose a good ranking on the way.
 *
 * KL is convex in the factor, so a golden-section search over log2(factor) in −8 … 8 finds it, to about 1 %.
 *
 * @param teacherTemperature as the loss will use it
 */
export function fitScale<L extends CandidateList>(
  student: Student<L>,
  lists: readonly L[],
  teacherTemperature: number,
): number {
  const batch = new TrainingBatch<L>([lists.length, longest(lists)]);
  batch.fill(lists);
  batch.score(student);
  const plain = batch.student.slice();
  using kl = prepare('kl', { shape: batch.shape, teacherTemperature });
  const divergence = (log2: number): number => {
    const factor = 2 ** log2;
    plain.forEach((score, i) => (batch.student[i] = score * factor));
    return kl.run({
      student: batch.student,
      teacher: batch.teacher,
      labels: batch.labels,
      offsets: batch.offsets,
    }).loss;
  };

  const golden = (Math.sqrt(5) - 1) / 2;
  let low = -LARGEST_LOG2;
  let high = LARGEST_LOG2;
  for (let round = 0; round < ROUNDS; round++) {
    const width = golden * (high - low);
    const [left, right] = [high - width, low + width];
    const [before, after] = [divergence(left), divergence(right)];
    // The minimum is between two equal values: for a student with equal scores, whose scale has no effect,
    // the factor is 1.
    if (before <= after) high = right;
    if (after <= before) low = left;
  }
  return 2 ** ((low + high) / 2);
}
