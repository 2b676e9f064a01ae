// ckl-loss/data: streaming readers of BEIR folders, TREC files and teacher scores, and a converter between teacher forms.
export { loadBeir, readCorpus, readQueries, type Beir, type Document, type Query } from './beir.js';
export { openBeir, type BeirFolder } from './beir-folder.js';
export { DataError, OutputError, PackageMissingError } from './errors.js';
export type { TeacherLists, TeacherReadOptions } from './forms/form.js';
export type { IdType, IdTypes, ScoredDocument, ScoredList } from './forms/scored.js';
export {
  TEACHER_FORMS,
  WRITABLE_FORMS,
  type TeacherForm,
  type TextForm,
  type WritableForm,
} from './forms/table.js';
export { guessTeacherForm } from './forms/tell.js';
export { formatList, type Missing } from './forms/write.js';
export type { Fields } from './lines.js';
export { mineNegatives, type Mined, type MineOptions, type Unmined } from './mine.js';
export { Records, type ReadOptions } from './records.js';
export { TeacherScores, type TeacherScoreList, type TeacherScoresOptions } from './bytes/teacher-scores.js';
export { convertTeacher, writeTeacher, type ConvertOptions, type ConvertResult } from './convert.js';
export { openTeacher, readTeacher } from './teacher.js';
export {
  formatRunLine,
  loadQrels,
  mergeQrels,
  readQrels,
  readRun,
  type Judgement,
  type RunEntry,
} from './trec.js';
export { loadRun, toRun } from './runs.js';
export type { Qrels, Run } from '../metrics/types.js';
