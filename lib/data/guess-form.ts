// Tells the form of a teacher file from its first line, so that nobody has to name it.
import { readLines } from './lines.js';
import type { TeacherForm } from './scored.js';

/** What only the objects of a form have; FlagEmbedding's come last, as theirs are the plainest names. */
const KEYS: [TeacherForm, string][] = [
  ['pylate', 'document_ids'],
  ['simlm', 'positives'],
  ['flagembedding', 'pos_scores'],
];

/**
 * The form that the first line with anything in it has. What looks like none of them counts as `trec`, whose reader then says what it
 * expects.
 *
 * @throws DataError when the file cannot be opened, or is damaged gzip
 */
export async function guessTeacherForm(path: string): Promise<TeacherForm> {
  for await (const block of readLines(path, 2 ** 28)) {
    for (const line of block) {
      if (typeof line === 'string' && line.trim() !== '') return formOf(line.trim());
    }
  }
  return 'trec';
}

function formOf(line: string): TeacherForm {
  if (line.startsWith('[')) return 'colbert';
  // By names alone: a line that is no JSON gets its error, with its number, from the reader.
  if (line.startsWith('{')) return KEYS.find(([, key]) => line.includes(`"${key}"`))?.[0] ?? 'flagembedding';
  const columns = line.split(/\s+/);
  const isNumber = (text: string) => Number.isFinite(Number(text));
  // A run without its tag has five columns as well, but a query and "Q0" where a pair has its two scores.
  return columns.length === 5 && isNumber(columns[0]) && isNumber(columns[1]) ? 'hofstaetter' : 'trec';
}
