// Writes the best student of a refinement, without a model card.
import { writeWholeFolder } from '../../data/whole-folder.js';
import { formatAdapter } from '../students/saved/adapter-model.js';
import { formatModel, formatTestQueries } from '../students/saved/model-files.js';
import type { ChosenStudent, RefineResult } from './results.js';

/** The files of a student, by name. */
export const studentFiles = (content: ChosenStudent['content']): Record<string, Uint8Array> =>
  content.student === 'adapter' ? formatAdapter(content) : formatModel(content);

/**
 * Writes the chosen student of a refinement with `keepsStudent` into a new folder, for `load` and `loadAdapter` of ckl-loss/students. `--save` of
 * the command adds a model card.
 *
 * @throws OutputError for a folder that cannot be created, or exists and is not empty; RangeError for a
 * result without a student
 */
export async function saveStudent(dir: string, { chosen, start }: RefineResult): Promise<void> {
  if (!chosen) throw new RangeError('the result has no student; refine with keepsStudent: true keeps it');
  await writeWholeFolder(dir, { ...studentFiles(chosen.content), ...formatTestQueries(start.full.queries) });
}
