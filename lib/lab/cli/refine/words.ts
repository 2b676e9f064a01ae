// How refine names a student and a collection, in its output and in its model cards.
import type { RefineOptions, RefineResult } from '../../refine/job.js';
import { STUDENTS } from '../../students/students.js';

export const studentTitle = ({ student = 'dense' }: Pick<RefineOptions, 'student'>): string =>
  student === 'adapter' ? 'Adapter of frozen vectors' : STUDENTS[student].title;

/** How large a collection is; an adapter counts no words. */
export const textsOf = ({ documents, words }: Pick<RefineResult['data'], 'documents' | 'words'>): string =>
  words === 0 ? `${documents} documents` : `${documents} documents, ${words} words`;
