// ckl-loss/data: streaming readers of BEIR folders, TREC files and teacher scores, and a converter between teacher forms.
export {
  loadBeir,
  openBeir,
  readCorpus,
  readQueries,
  type Beir,
  type BeirFolder,
  type Document,
  type Query,
} from './beir.js';
export { DataError, OutputError } from './errors.js';
export { guessTeacherForm } from './guess-form.js';
export { formatList, type Missing } from './format-forms.js';
export { Records, type ReadOptions } from './records.js';
export {
  TEACHER_FORMS,
  type IdType,
  type ScoredDocument,
  type ScoredList,
  type TeacherForm,
} from './scored.js';
export {
  convertTeacher,
  openTeacher,
  readTeacher,
  type ConvertOptions,
  type ConvertResult,
  type TeacherLists,
  type TeacherReadOptions,
} from './teacher.js';
export {
  formatRunLine,
  loadQrels,
  loadRun,
  mergeQrels,
  readQrels,
  readRun,
  type Judgement,
  type RunEntry,
} from './trec.js';
export type { Qrels, Run } from '../metrics/types.js';
