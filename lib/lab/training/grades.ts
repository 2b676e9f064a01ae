// The grades for lambdaNdcg: the teacher's scores relative to the lowest of their list.
import type { TrainingBatch } from './batch.js';

/** The maximum grade: larger ones have gains 2^grade that float32 cannot represent. */
const HIGHEST = 64;

/**
 * Writes relevance for the lists of a batch: (t - least t) / temperature. Gains of 2^relevance - 1 are then 0 or more, whatever the teacher's
 * scores are counted from; a teacher of logits below 0 would otherwise have no gain at all.
 */
export function setGrades({ lists, offsets, relevance }: TrainingBatch, teacherTemperature: number): void {
  lists.forEach(({ teacher }, b) => {
    const least = teacher.reduce((a, t) => Math.min(a, t), Infinity);
    teacher.forEach((t, i) => {
      relevance[offsets[b] + i] = Math.min(HIGHEST, (t - least) / teacherTemperature);
    });
  });
}
