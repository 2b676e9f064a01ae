// Reads runs from whole files and from a teacher's lists, and recognises files that contain such lists
// instead of a run.
import { stat } from 'node:fs/promises';
import type { Run } from '../metrics/types.js';
import { DataError, excerpt } from './errors.js';
import type { ScoredList } from './forms/scored.js';
import { guessTeacherForm } from './forms/tell.js';
import type { ReadOptions } from './records.js';
import { Room } from './room.js';
import { gatherRun, readRun } from './trec.js';

/** A run itself, and the fallback for unrecognised text; the reader of runs has its own message for JSON. */
const NO_HINT: readonly string[] = ['trec', 'flagembedding'];

/**
 * Reads a whole run into a table.
 *
 * @param options.order `file` (default): documents stay in file order; `rank`: sorted by the rank column,
 * which the MS MARCO convention of `evaluate` uses
 * @throws DataError at the first bad line, and at a document that a query lists twice (trec_eval refuses that
 * too); with `rank` also at a rank that is not an integer. For a file with a teacher's lists in another form,
 * the message explains how to turn it into a run
 */
export function loadRun(path: string, options: ReadOptions & { order?: 'file' | 'rank' } = {}): Promise<Run> {
  return readAsRun(path, () => gatherRun(readRun(path, options), options.order));
}

/**
 * The scores of a teacher's lists as a run, which `evaluate` measures. A query may come several times.
 *
 * @param lists as returned by {@link readTeacher}
 * @throws DataError for a document with two scores for one query
 */
export async function toRun(lists: Iterable<ScoredList> | AsyncIterable<ScoredList>): Promise<Run> {
  const run = new Map<string, Map<string, number>>();
  const room = new Room('', 'TeacherScores holds more');
  for await (const { qid, docs } of lists) {
    let scores = run.get(qid);
    if (!scores) {
      room.take(run, 'queries');
      run.set(qid, (scores = new Map()));
    }
    for (const { docid, score } of docs) {
      const known = scores.get(docid);
      if (known !== undefined && known !== score)
        throw new DataError(
          '',
          0,
          `one score of document ${excerpt(docid)} for query ${excerpt(qid)}`,
          `${known} and ${score}`,
        );
      if (known === undefined) room.take(scores, 'documents of a query');
      scores.set(docid, score);
    }
  }
  return run;
}

/**
 * Runs an action that reads or measures a run; if it fails because the file is in another form of teacher
 * scores, the error says so.
 *
 * @throws DataError that explains how to turn the file into a run, if it has one of those forms
 */
export async function readAsRun<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DataError ? await explained(path, error) : error;
  }
}

async function explained(path: string, error: DataError): Promise<DataError> {
  const form = await formOf(path);
  if (form === undefined || NO_HINT.includes(form) || error.expected.includes('ckl-loss convert'))
    return error;
  const { file, line, expected, found, unit } = error;
  const ways = `ckl-loss convert --from ${path} --to run.trec --to-form trec, or toRun(readTeacher(path, '${form}')), makes a run of them`;
  const hint =
    form === 'parquet'
      ? `if it holds a teacher's lists, ${ways}`
      : `the file looks like a teacher's scores of the form ${form}: ${ways}`;
  return new DataError(file, line, `${expected} (${hint})`, found, { cause: error, unit });
}

/** The form of a file that can be reopened; undefined if it has none, and for a pipe. */
async function formOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() || found.isDirectory() ? await guessTeacherForm(path) : undefined;
  } catch {
    return undefined;
  }
}
