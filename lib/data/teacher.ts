// Reads, writes and converts teacher scores in every form that is in use.
import type { Qrels } from '../metrics/types.js';
import { DataError } from './errors.js';
import { formatList, type Missing } from './format-forms.js';
import { groupPairs, groupRun, parsePair } from './group.js';
import { parseColbert, parseFlagEmbedding, parsePylate, parseSimlm } from './parse-forms.js';
import { Records, type ReadOptions } from './records.js';
import type { ScoredList, TeacherForm } from './scored.js';
import { readRun } from './trec.js';
import { writeWhole } from './whole-file.js';

export interface TeacherReadOptions extends ReadOptions {
  /** Take the first document of each ColBERT or PyLate list as its positive and the others as negatives. Default false. */
  firstIsPositive?: boolean;
}

/** The lists of a teacher file, to be read with `for await`, once; `skipped` and `errors` count the bad lines. */
export interface TeacherLists extends AsyncIterable<ScoredList> {
  readonly skipped: number;
  readonly errors: readonly DataError[];
}

/**
 * Streams a teacher file, plain or gzip, one query at a time.
 *
 * @throws DataError while it is read, see {@link Records}; RangeError for an unknown form
 */
export function readTeacher(path: string, form: TeacherForm, options: TeacherReadOptions = {}): TeacherLists {
  const lists = <T>(
    records: Records<T>,
    iterate: (records: Records<T>) => AsyncIterable<ScoredList>,
  ): TeacherLists => ({
    [Symbol.asyncIterator]: () => iterate(records)[Symbol.asyncIterator](),
    get skipped() {
      return records.skipped;
    },
    get errors() {
      return records.errors;
    },
  });
  const byLine = (parse: (line: string) => ScoredList) =>
    lists(new Records(path, parse, options), (records) => records);
  const unlabelled =
    (parse: (line: string) => ScoredList) =>
    (line: string): ScoredList => {
      const list = parse(line);
      if (!options.firstIsPositive) return list;
      return { ...list, docs: list.docs.map((doc, i) => ({ ...doc, label: i === 0 ? 1 : 0 })) };
    };
  switch (form) {
    case 'trec':
      return lists(readRun(path, options), groupRun);
    case 'hofstaetter':
      return lists(new Records(path, parsePair, options), groupPairs);
    case 'colbert':
      return byLine(unlabelled(parseColbert));
    case 'pylate':
      return byLine(unlabelled(parsePylate));
    case 'flagembedding':
      return byLine(parseFlagEmbedding);
    case 'simlm':
      return byLine(parseSimlm);
    default:
      throw new RangeError(`unknown teacher form ${JSON.stringify(form)}`);
  }
}

/** What conversion may draw on where the target form needs more than the source form holds. */
export interface ConvertOptions extends TeacherReadOptions {
  /** Labels: a document is positive when its level is 1 or more. They win over labels in the file. */
  qrels?: Qrels;
  /** Texts of queries and documents, as `loadBeir` returns them. */
  texts?: {
    queries: ReadonlyMap<string, string>;
    corpus: ReadonlyMap<string, { title: string; text: string }>;
  };
  /** Name of the run in the `trec` form. Default `teacher`. */
  tag?: string;
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
 * once it is complete.
 *
 * @throws DataError for a bad line, or a query that lacks what the target form needs; with `skipBad` these are counted.
 *   OutputError when the target cannot be written
 */
export async function convertTeacher(
  from: { path: string; form: TeacherForm },
  to: { path: string; form: TeacherForm },
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const source = readTeacher(from.path, from.form, options);
  const result: ConvertResult = { lists: 0, documents: 0, skipped: 0, errors: [] };
  const missing = lookups(options);
  async function* lines(): AsyncGenerator<string> {
    for await (const read of source) {
      const list = options.qrels
        ? { ...read, docs: read.docs.map((doc) => ({ ...doc, label: missing.label?.(read.qid, doc.docid) })) }
        : read;
      try {
        yield formatList(list, to.form, missing).join('\n') + '\n';
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        const located = new DataError(from.path, 0, error.expected, error.found);
        if (!options.skipBad) throw located;
        result.skipped++;
        result.errors.push(located);
        continue;
      }
      result.lists++;
      result.documents += list.docs.length;
    }
  }
  await writeWhole(to.path, lines(), { gzip: to.path.endsWith('.gz') });
  result.skipped += source.skipped;
  result.errors = [...source.errors, ...result.errors].slice(0, 10);
  return result;
}

function lookups({ qrels, texts, tag }: ConvertOptions): Missing {
  const document = (docid: string): string | undefined => {
    const found = texts?.corpus.get(docid);
    return found && (found.title ? `${found.title} ${found.text}` : found.text);
  };
  return {
    tag,
    document,
    query: (qid) => texts?.queries.get(qid),
    label: qrels && ((qid, docid) => ((qrels.get(qid)?.get(docid) ?? 0) >= 1 ? 1 : 0)),
  };
}
