// Recognises the form of a teacher file from its beginning, and reports what a file of unknown form lacks.
import { stat } from 'node:fs/promises';
import { DataError, excerpt } from '../errors.js';
import { again, LONGEST_LINE, openBytes, readFailure, type Bytes } from '../lines.js';
import { isSharded } from '../parquet/shards.js';
import type { Form, Head } from './form.js';
import { namesOf } from './lists.js';
import { FORMS, isJudgements, TEACHER_FORMS, type TeacherForm } from './table.js';

const NEWLINE = 0x0a;
/** Bytes that are examined if the first line is not enough, such as a single opening bracket. */
const ENOUGH_BYTES = 4096;

/**
 * The form of a file, from its beginning. A file that matches no form counts as `trec`, whose reader then
 * reports what it expects.
 *
 * @throws DataError if the file cannot be opened, is damaged gzip, or contains judgements or JSON of no known
 * form
 */
export async function guessTeacherForm(path: string): Promise<TeacherForm> {
  const { form, file } = await peekForm(path, LONGEST_LINE);
  await file.chunks.return();
  return form;
}

/** The form of a file, and all of it. A pipe is opened once. */
export async function peekForm(
  path: string,
  maxLineBytes: number,
): Promise<{ form: TeacherForm; file: Bytes }> {
  if (await isSharded(path)) return { form: 'parquet', file: openBytes(path) };
  const { chunks } = openBytes(path);
  const read: Buffer[] = [];
  let emptyLines = 0;
  let bytes = 0;
  let head: Head | undefined;
  try {
    while (head === undefined) {
      const next = await chunks.next();
      if (next.done) break;
      let chunk: Buffer = next.value;
      if (bytes === 0) {
        // Of empty lines, only the number has to be kept.
        const [lines, rest] = withoutEmptyLines(chunk);
        emptyLines += lines;
        chunk = rest;
      }
      if (chunk.length === 0) continue;
      read.push(chunk);
      bytes += chunk.length;
      head = headOf(read, bytes, emptyLines + 1, maxLineBytes, chunk.includes(NEWLINE));
    }
  } catch (error) {
    throw readFailure(error, path, emptyLines + 1);
  }
  head ??= makeHead(Buffer.concat(read), emptyLines + 1);
  try {
    const form = formOf(head, path);
    // A caller may never ask for the rest, so a file is closed here and reopened later; a pipe cannot be.
    if (!(await stat(path)).isFile())
      return { form, file: { path, chunks: again(read, chunks), emptyLines } };
    await chunks.return();
    return { form, file: openBytes(path) };
  } catch (error) {
    await chunks.return();
    throw error;
  }
}

/** The number of empty lines at the beginning, and what follows them. */
function withoutEmptyLines(chunk: Buffer): [lines: number, rest: Buffer] {
  let [lines, start] = [0, 0];
  for (let i = 0; i < chunk.length; i++) {
    const byte = chunk[i];
    if (byte === NEWLINE) {
      lines++;
      start = i + 1;
    } else if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) break;
  }
  return [lines, chunk.subarray(start)];
}

/** The head, if what has been read is enough of it. */
function headOf(
  read: Buffer[],
  bytes: number,
  number: number,
  maxLineBytes: number,
  newline: boolean,
): Head | undefined {
  const start = makeHead(read[0].length >= ENOUGH_BYTES ? read[0] : Buffer.concat(read), number);
  if (bytes > maxLineBytes || TEACHER_FORMS.some((form) => (FORMS[form] as Form).early?.(start)))
    return start;
  if (!newline) return undefined;
  const head = makeHead(Buffer.concat(read), number);
  // If JSON continues in the next line, more must be read.
  return /^[[{]/.test(head.line) && !/[\]}]$/.test(head.line) && bytes < ENOUGH_BYTES ? undefined : head;
}

function makeHead(bytes: Buffer, number: number): Head {
  const end = bytes.indexOf(NEWLINE);
  const text = bytes.toString(
    'utf8',
    0,
    Math.max(end < 0 ? bytes.length : end, Math.min(ENOUGH_BYTES, bytes.length)),
  );
  const line = end < 0 ? text : bytes.toString('utf8', 0, end);
  return { bytes, line: line.trim(), number, text: text.trimStart() };
}

function formOf(head: Head, path: string): TeacherForm {
  const told = TEACHER_FORMS.find((form) => FORMS[form].tells(head));
  if (told === undefined) return unknown(head, path);
  if (told === 'trec' && isJudgements(head.line))
    throw new DataError(
      path,
      head.number,
      "a teacher's scores",
      `judgements (qrels), or a table with a header: ${excerpt(head.line)}`,
    );
  return told;
}

function unknown({ line, number }: Head, path: string): TeacherForm {
  let found: string;
  try {
    const record = JSON.parse(line) as object;
    found = `an object with ${namesOf(record)}`;
    if (Object.keys(record).join() === 'query-id,corpus-id,score')
      throw new DataError(path, number, "a teacher's scores", `judgements (qrels): ${found}`);
  } catch (error) {
    if (error instanceof DataError) throw error;
    return 'flagembedding';
  }
  const expected =
    'an object with "document_ids" and "scores" (PyLate), "positives" and "negatives" (SimLM), "pos", "neg" and their scores (FlagEmbedding), "positive_passages" (Tevatron), "candidates" (rank_llm), or "query_id", "doc_id" and "score"';
  throw new DataError(path, number, expected, found);
}
