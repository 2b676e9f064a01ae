// The files of `--run` if several students or losses are trained: one for each.
import { parse, format } from 'node:path';
import type { ModelName } from '../experiment/plan.js';
import type { Rankings } from '../experiment/rankings.js';
import type { Asked } from './output-files.js';
import { runText } from './run-text.js';

export interface RunFile {
  file: string;
  student: ModelName;
  recipe: string;
}

/** Names that all file systems accept: a sum's colons become minus signs. */
const fileName = (name: string): string => name.replace(/[^\w.+-]/g, '-');

/**
 * FILE itself for one training; of several, `run.trec` becomes `run.multi.ckl.trec`, with the names that differ.
 *
 * @param recipes the names of the losses
 */
export function runFilesOf(
  file: string | undefined,
  students: readonly ModelName[],
  recipes: readonly string[],
): RunFile[] {
  if (file === undefined) return [];
  const { dir, name, ext } = parse(file);
  return students.flatMap((student) =>
    recipes.map((recipe) => {
      const parts = [...(students.length > 1 ? [student] : []), ...(recipes.length > 1 ? [recipe] : [])];
      const own = format({ dir, name: [name, ...parts.map(fileName)].join('.'), ext });
      return { file: parts.length === 0 ? file : own, student, recipe };
    }),
  );
}

/** The completed runs: an interrupted experiment has fewer. */
export function writtenRuns(files: readonly RunFile[], rankings: Rankings | undefined): Asked[] {
  return files.flatMap(({ file, student, recipe }): Asked[] => {
    const run = rankings?.get(student, recipe);
    return run ? [[file, () => runText(run, `${student}-${fileName(recipe)}`)]] : [];
  });
}
