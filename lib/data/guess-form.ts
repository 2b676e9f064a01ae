// Recognises the form of a teacher file by its first line, and reports what a file of unknown form lacks.
import { BadLine, DataError, excerpt } from './errors.js';
import { LONGEST_LINE, readLines, type Line } from './lines.js';
import { namesOf } from './parse-forms.js';
import type { TeacherForm } from './scored.js';
import { HEADER } from './trec.js';
import { columnsOf } from './values.js';

/** What only the objects of a form have; FlagEmbedding's come last, as theirs are the plainest names. */
const KEYS: [TeacherForm, string][] = [
  ['pylate', 'document_ids'],
  ['simlm', 'positives'],
  ['flagembedding', 'pos_scores'],
  // Without scores, which its reader names.
  ['flagembedding', 'pos'],
];

/**
 * The form that the first line with anything in it has. What looks like none of them counts as `trec`, whose reader then says what it
 * expects.
 *
 * @throws DataError when the file cannot be opened, is damaged gzip, holds judgements, or JSON of no known form
 */
export async function guessTeacherForm(path: string): Promise<TeacherForm> {
  const { form, blocks } = await peekForm(path, LONGEST_LINE);
  await blocks.return(undefined);
  return form;
}

/** The form of a file, and all of its lines: it is opened once, so that a pipe will do. */
export async function peekForm(
  path: string,
  maxLineBytes: number,
): Promise<{ form: TeacherForm; blocks: AsyncGenerator<Line[]> }> {
  const rest = readLines(path, maxLineBytes);
  const read: Line[][] = [];
  let form: TeacherForm | undefined;
  let lines = 0;
  while (form === undefined) {
    const { value, done } = await rest.next();
    if (done) break;
    read.push(value);
    for (const line of value) {
      lines += typeof line === 'number' ? line : 1;
      if (typeof line !== 'string' || line.trim() === '') continue;
      form = formOf(line.trim(), path, lines);
      break;
    }
    // Of what holds nothing, nothing need be kept but its length.
    if (form === undefined) read.splice(0, read.length, read.flat().reduce(joinEmpty, []));
  }
  async function* blocks(): AsyncGenerator<Line[]> {
    yield* read;
    yield* rest;
  }
  return { form: form ?? 'trec', blocks: blocks() };
}

function joinEmpty(lines: Line[], line: Line): Line[] {
  if (line instanceof BadLine) lines.push(line);
  else {
    const count = typeof line === 'number' ? line : 1;
    const last = lines.at(-1);
    if (typeof last === 'number') lines[lines.length - 1] = last + count;
    else lines.push(count);
  }
  return lines;
}

function formOf(line: string, path: string, number: number): TeacherForm {
  if (line.startsWith('[')) return 'colbert';
  // By names alone: a line that is no JSON gets its error, with its number, from the reader.
  if (line.startsWith('{'))
    return KEYS.find(([, key]) => line.includes(`"${key}"`))?.[0] ?? unknown(line, path, number);
  const columns = columnsOf(line, 6);
  const isNumber = (text: string) => text !== '' && Number.isFinite(Number(text));
  if ((columns.length === 3 && HEADER.test(columns[0])) || (columns.length === 4 && /^\d+$/.test(columns[3])))
    throw new DataError(
      path,
      number,
      "a teacher's scores",
      `judgements (qrels), or a table with a header: ${excerpt(line)}`,
    );
  // A run without its tag has five columns as well, but a query and "Q0" where a pair has its two scores.
  return columns.length === 5 && isNumber(columns[0]) && isNumber(columns[1]) ? 'hofstaetter' : 'trec';
}

function unknown(line: string, path: string, number: number): TeacherForm {
  let found: string;
  try {
    found = `an object with ${namesOf(JSON.parse(line) as object)}`;
  } catch {
    return 'flagembedding';
  }
  const expected =
    'an object with "document_ids" and "scores" (PyLate), "positives" and "negatives" (SimLM) or "pos", "neg" and their scores (FlagEmbedding)';
  throw new DataError(path, number, expected, found);
}
