// Reads teacher scores in every form that is in use.
import type { Run } from '../metrics/types.js';
import type { TeacherLists, TeacherReadOptions } from './forms/form.js';
import { FORMS, formNamed, type TeacherForm } from './forms/table.js';
import { peekForm } from './forms/tell.js';
import { linesOf, LONGEST_LINE, openBytes } from './lines.js';
import { Records } from './records.js';
import { gatherRun, runParser } from './trec.js';

/**
 * Streams a teacher file, plain or gzip, one query at a time. In all forms except `trec`, `hofstaetter` and
 * `gpl`, a query may appear several times.
 *
 * @throws DataError while it is read, see {@link Records}; RangeError for an unknown form
 */
export function readTeacher(path: string, form: TeacherForm, options: TeacherReadOptions = {}): TeacherLists {
  return formNamed(form).read(openBytes(path), options);
}

/**
 * Streams a teacher file whose form is recognised from its beginning. A pipe is opened once, and stays open
 * until its lists or its run are read.
 *
 * @throws DataError as {@link guessTeacherForm} does, and while it is read
 */
export async function openTeacher(
  path: string,
  options: TeacherReadOptions = {},
): Promise<{
  form: TeacherForm;
  /** Its lists. Read either these or the run. */
  lists(): TeacherLists;
  /** For the form `trec`: the whole run, whose lines may be in any order. */
  run(): Promise<Run>;
}> {
  const maxLineBytes = options.maxLineBytes ?? LONGEST_LINE;
  const { form, file } = await peekForm(path, maxLineBytes);
  return {
    form,
    lists: () => FORMS[form].read(file, options),
    run: () => gatherRun(new Records(path, runParser(), options, linesOf(file, maxLineBytes))),
  };
}
