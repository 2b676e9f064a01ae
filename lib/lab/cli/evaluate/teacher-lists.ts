// `ckl-loss evaluate` given a teacher's lists in place of a run: the error says how to make a run of them.
import { stat } from 'node:fs/promises';
import { DataError, guessTeacherForm } from '../../../data/index.js';

/** A run itself; and what text is taken for that is no form at all: of JSON the reader of runs speaks by itself. */
const NO_HINT: readonly string[] = ['trec', 'flagembedding'];

/**
 * Does what reads or measures a run; of an error about a file in another form of teacher scores, says so.
 *
 * @throws DataError with the command that converts the file, where it is one of those forms
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
  const convert = `ckl-loss convert --from ${path} --to run.trec --to-form trec`;
  const hint =
    form === 'parquet'
      ? `if it holds a teacher's lists, ${convert} makes a run of them`
      : `the file looks like a teacher's scores of the form ${form}: ${convert} makes a run of them`;
  return new DataError(file, line, `${expected} (${hint})`, found, { cause: error, unit });
}

/** The form of a file that can be opened again; undefined for what is none, and for a pipe. */
async function formOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() || found.isDirectory() ? await guessTeacherForm(path) : undefined;
  } catch {
    return undefined;
  }
}
