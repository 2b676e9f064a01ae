// Reads, writes and converts teacher scores in every form that is in use.
import type { Qrels, Run } from '../metrics/types.js';
import { BadLine, DataError, excerpt, OutputError } from './errors.js';
import {
  counted,
  type Binary,
  type Form,
  type TeacherLists,
  type TeacherReadOptions,
  type Writing,
} from './forms/form.js';
import { joinLists } from './forms/lists.js';
import type { IdType, ScoredList } from './forms/scored.js';
import { FORMS, type TeacherForm, type WritableForm } from './forms/table.js';
import { peekForm } from './forms/tell.js';
import { IdColumns, writingOf, type Missing } from './forms/write.js';
import { linesOf, LONGEST_LINE, openBytes } from './lines.js';
import { Records } from './records.js';
import { gatherRun, runParser } from './trec.js';
import { writeWhole } from './whole-file.js';

/**
 * Streams a teacher file, plain or gzip, one query at a time. In all forms but `trec`, `hofstaetter` and `gpl` a query may come several times.
 *
 * @throws DataError while it is read, see {@link Records}; RangeError for an unknown form
 */
export function readTeacher(path: string, form: TeacherForm, options: TeacherReadOptions = {}): TeacherLists {
  return formNamed(form).read(openBytes(path), options);
}

/**
 * Streams a teacher file whose form is told by its beginning. A pipe is opened once, and stays open until its lists or its run are read.
 *
 * @throws DataError as {@link guessTeacherForm} does, and while it is read
 */
export async function openTeacher(
  path: string,
  options: TeacherReadOptions = {},
): Promise<{
  form: TeacherForm;
  /** Its lists: these or the run. */
  lists(): TeacherLists;
  /** Of the form `trec`: the whole run, whose lines may stand in any order. */
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

function formNamed(name: string): Form {
  if (!Object.hasOwn(FORMS, name)) throw new RangeError(`unknown teacher form ${JSON.stringify(name)}`);
  return FORMS[name as TeacherForm];
}

/** What conversion may draw on where the target form needs more than the source form holds. */
export interface ConvertOptions extends TeacherReadOptions {
  /** Labels: a document is positive from `level` on. They win over labels in the file. */
  qrels?: Qrels;
  /** The lowest level of `qrels` that makes a document positive. Default 1. */
  level?: number;
  /** Texts of queries and documents, as `loadBeir` returns them. */
  texts?: {
    queries: ReadonlyMap<string, string>;
    corpus: ReadonlyMap<string, { title: string; text: string }>;
  };
  /** Name of the run in the `trec` form. Default `teacher`. */
  tag?: string;
  /**
   * Ids in `colbert`, `colbert-scores`, `pylate`, `jsonl`, `hard-negatives`, `parquet` and `pickle`: numbers or texts, alike in a whole column. Default: as a JSON source has them; from other forms numbers,
   * if all ids of the first list are whole numbers.
   */
  ids?: IdType;
}

export interface ConvertResult {
  /** Queries written. */
  lists: number;
  /** Documents written, over all queries. */
  documents: number;
  /** Lines left out under `skipBad`, and queries that the target form could not hold. */
  skipped: number;
  errors: DataError[];
}

/**
 * Converts a teacher file from any form into any other; a target ending in `.gz` is compressed. The target appears only
 * once it is complete. Lines of one query that follow each other become one list.
 *
 * @param from without `form`, it is told by the file's beginning
 * @throws DataError for a bad line, a query that lacks what the target form needs, or comes back after another one where the target has
 *   several lines per query; with `skipBad` these are counted. DataError when all is left out. OutputError when the target
 *   cannot be written
 */
export async function convertTeacher(
  from: { path: string; form?: TeacherForm },
  to: { path: string; form: WritableForm },
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const source =
    from.form === undefined
      ? (await openTeacher(from.path, options)).lists()
      : readTeacher(from.path, from.form, options);
  return write(source, from.path, to, options);
}

/**
 * Writes lists in a teacher form, as {@link convertTeacher} does with those of a file.
 *
 * @throws DataError for a query that lacks what the form needs, or comes back after another one where the form has several lines per query;
 *   OutputError when the target cannot be written
 */
export async function writeTeacher(
  lists: Iterable<ScoredList> | AsyncIterable<ScoredList>,
  to: { path: string; form: WritableForm },
  options: Omit<ConvertOptions, 'firstIsPositive' | 'maxLineBytes'> = {},
): Promise<ConvertResult> {
  async function* each(): AsyncGenerator<ScoredList> {
    yield* lists;
  }
  return write(counted({ skipped: 0, errors: [] }, each()), to.path, to, options);
}

/** @param path the file that errors name */
async function write(
  source: TeacherLists,
  path: string,
  to: { path: string; form: WritableForm },
  options: ConvertOptions,
): Promise<ConvertResult> {
  const result: ConvertResult = { lists: 0, documents: 0, skipped: 0, errors: [] };
  const missing = lookups(options);
  const columns = new IdColumns(options.ids);
  const seen = new Set<string>();
  const { spread, typedIds, frame, write: writeList, binary } = formNamed(to.form);
  const refuse = (expected: string, found: string): void => {
    const error = new DataError(path, 0, expected, found);
    if (!options.skipBad) throw error;
    result.skipped++;
    options.onSkip?.(error);
    result.errors.push(error);
  };
  /** What each list becomes in the target form. */
  async function* written<T>(make: (list: ScoredList, writing: Writing) => T): AsyncGenerator<T> {
    for await (const read of adjacent(source, refuse)) {
      const list = missing.label ? labelled(read, missing.label) : read;
      let made: T;
      try {
        if (spread && seen.has(list.qid))
          throw new DataError(
            '',
            0,
            'the lines of a query together (sort the file)',
            `query ${excerpt(list.qid)} again`,
          );
        const ids = typedIds ? columns.of(list) : undefined;
        made = make(list, writingOf(list, to.form, { ...missing, ids }));
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        refuse(error.expected, error.found);
        continue;
      }
      yield made;
      if (spread) seen.add(list.qid);
      result.lists++;
      result.documents += list.docs.length;
    }
    const left = result.skipped + source.skipped;
    if (result.lists === 0 && left > 0)
      throw new DataError(path, 0, 'at least one list', `none but what is left out (${left})`);
  }
  async function* text(): AsyncGenerator<string> {
    if (frame) yield frame.before;
    let between = '';
    for await (const lines of written(writeList!)) {
      yield frame?.between ? between + lines.join('\n') : `${lines.join('\n')}\n`;
      between = frame?.between ?? '';
    }
    if (frame) yield frame.after;
  }
  async function* packed({ pack }: Binary): AsyncGenerator<unknown> {
    for await (const parts of written(pack)) yield* parts;
  }
  const gzip = to.path.endsWith('.gz');
  if (gzip && binary?.compressed)
    throw new OutputError(to.path, `${to.form} is compressed inside: give it a name without .gz`);
  const content = binary ? binary.encode(packed(binary), () => columns.types) : text();
  await writeWhole(to.path, content, { gzip });
  result.skipped += source.skipped;
  result.errors = [...source.errors, ...result.errors].slice(0, 10);
  return result;
}

/** Joins lists of one query that follow each other. */
async function* adjacent(
  lists: AsyncIterable<ScoredList>,
  refuse: (expected: string, found: string) => void,
): AsyncGenerator<ScoredList> {
  let open: ScoredList | undefined;
  for await (const list of lists) {
    if (open?.qid !== list.qid) {
      if (open) yield open;
      open = list;
      continue;
    }
    try {
      open = joinLists(open, list);
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      refuse(`${error.expected} of query ${excerpt(list.qid)}`, error.found);
    }
  }
  if (open) yield open;
}

/** Labels from judgements, which win over those in the file. */
const labelled = (list: ScoredList, label: (qid: string, docid: string) => 0 | 1): ScoredList => ({
  ...list,
  docs: list.docs.map((doc) => ({ ...doc, label: label(list.qid, doc.docid) })),
});

function lookups({ qrels, level = 1, texts, tag }: ConvertOptions): Missing {
  const document = (docid: string): string | undefined => {
    const found = texts?.corpus.get(docid);
    return found && (found.title ? `${found.title} ${found.text}` : found.text);
  };
  return {
    tag,
    document,
    query: (qid) => texts?.queries.get(qid),
    label: qrels && ((qid, docid) => ((qrels.get(qid)?.get(docid) ?? -Infinity) >= level ? 1 : 0)),
  };
}
