// Whether the scores of the training lists suit the teacher's temperature.
import { teacherUnderflow, type TeacherUnderflow } from '../../presets/teacher-scale.js';
import type { CandidateList } from '../training/candidates.js';

export interface TeacherScale extends TeacherUnderflow {
  temperature: number;
}

/** What a float32 softmax would lose of the teacher's scores of some lists. */
export function teacherScale(lists: readonly CandidateList[], temperature: number): TeacherScale {
  const offsets = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => (offsets[i + 1] = offsets[i] + list.teacher.length));
  const teacher = new Float32Array(offsets[lists.length]);
  lists.forEach((list, i) => teacher.set(list.teacher, offsets[i]));
  return { temperature, ...teacherUnderflow({ teacher, offsets }, temperature) };
}
