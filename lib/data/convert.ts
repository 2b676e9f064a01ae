// Converts teacher scores from one form to another: as bytes if both forms support it, otherwise list by
// list.
import type { Qrels } from '../metrics/types.js';
import type { ByteList } from './bytes/byte-list.js';
import { ByteText } from './bytes/byte-text.js';
import { ByteIds, encodeIds } from './bytes/ids.js';
import type { ByteLists } from './bytes/lists.js';
import { queryAgain } from './bytes/run-lists.js';
import type { WriteBytes } from './bytes/write-list.js';
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
import type { IdType, IdTypes, ScoredList } from './forms/scored.js';
import { formNamed, type TeacherForm, type WritableForm } from './forms/table.js';
import { peekForm } from './forms/tell.js';
import { IdColumns, tagOf, writingOf, type Missing } from './forms/write.js';
import { LONGEST_LINE, openBytes } from './lines.js';
import { KEPT_ERRORS } from './records.js';
import { writeWhole } from './whole-file.js';

type Write = Form['write'] & object;

/** Additional data for target forms that need more than the source form contains. */
export interface ConvertOptions extends TeacherReadOptions {
  /** Labels: a document is positive from `level` on. They take precedence over labels in the file. */
  qrels?: Qrels;
  /** The lowest level in `qrels` at which a document is positive. Default 1. */
  level?: number;
  /** Texts of queries and documents, as `loadBeir` returns them. */
  texts?: {
    queries: ReadonlyMap<string, string>;
    corpus: ReadonlyMap<string, { title: string; text: string }>;
  };
  /** Name of the run in the `trec` form. Default `teacher`. */
  tag?: string;
  /**
   * Ids in `colbert`, `colbert-scores`, `pylate`, `jsonl`, `hard-negatives`, `parquet` and `pickle`: numbers
   * or strings, the same in a whole column. Default: as in a JSON source; from other forms numbers, if all
   * ids of the first list are integers.
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
 * Converts a teacher file from any form to any other; a target ending in `.gz` is compressed. The target
 * appears only once it is complete. Consecutive lines of one query become one list.
 *
 * @param from without `form`, the form is recognised from the beginning of the file
 * @throws DataError for a bad line, a query that lacks something the target form needs, or a query that
 * reappears after another one if the target has several lines per query; with `skipBad` these are counted.
 * DataError if everything is left out. OutputError if the target cannot be written
 */
export async function convertTeacher(
  from: { path: string; form?: TeacherForm },
  to: { path: string; form: WritableForm },
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const { form, file } =
    from.form === undefined
      ? await peekForm(from.path, options.maxLineBytes ?? LONGEST_LINE)
      : { form: from.form, file: openBytes(from.path) };
  const source = formNamed(form);
  const { writeBytes } = formNamed(to.form);
  const conversion = new Conversion(from.path, to.form, options);
  if (source.bytes && writeBytes)
    return conversion.write(to.path, conversion.atBytes(source.bytes(file, options), writeBytes));
  return conversion.write(to.path, conversion.byLists(source.read(file, options)));
}

/**
 * Writes lists in a teacher form, as {@link convertTeacher} does with those of a file.
 *
 * @throws DataError for a query that lacks something the form needs, or reappears after another one if the
 * form has several lines per query; OutputError if the target cannot be written
 */
export async function writeTeacher(
  lists: Iterable<ScoredList> | AsyncIterable<ScoredList>,
  to: { path: string; form: WritableForm },
  options: Omit<ConvertOptions, 'firstIsPositive' | 'maxLineBytes'> = {},
): Promise<ConvertResult> {
  async function* each(): AsyncGenerator<ScoredList> {
    yield* lists;
  }
  const conversion = new Conversion(to.path, to.form, options);
  return conversion.write(to.path, conversion.byLists(counted({ skipped: 0, errors: [] }, each())));
}

type Left = Pick<TeacherLists, 'skipped' | 'errors'>;

/** The content of a target, and what its source left out. */
interface Converted {
  content: AsyncIterable<string | Uint8Array>;
  source: Left;
}

/** Bytes written at a time. */
const BLOCK_BYTES = 1 << 18;
/** Of forms whose ids are of one type always. */
const ONE_TYPE: IdTypes = { query: 'text', documents: 'text' };

/** One conversion: processes each list, and keeps the totals. */
class Conversion {
  private readonly result: ConvertResult = { lists: 0, documents: 0, skipped: 0, errors: [] };
  private readonly form: Form;
  private readonly missing: Missing;
  private readonly columns: IdColumns;
  /** The queries written so far, if none may reappear. */
  private readonly seen = new ByteIds();
  private readonly out = new ByteText();

  /** @param path the file that errors name */
  constructor(
    private readonly path: string,
    private readonly formName: WritableForm,
    private readonly options: ConvertOptions,
  ) {
    this.form = formNamed(formName);
    this.missing = lookups(options);
    this.columns = new IdColumns(options.ids);
  }

  async write(to: string, { content, source }: Converted): Promise<ConvertResult> {
    const gzip = to.endsWith('.gz');
    if (gzip && this.form.binary?.compressed)
      throw new OutputError(to, `${this.formName} is compressed inside: give it a name without .gz`);
    await writeWhole(to, content, { gzip });
    const { result } = this;
    result.skipped += source.skipped;
    result.errors = [...source.errors, ...result.errors].slice(0, 10);
    return result;
  }

  byLists(source: TeacherLists): Converted {
    const { binary, write } = this.form;
    if (!binary) return { source, content: this.text(source, write!) };
    return { source, content: binary.encode(this.packed(source, binary), () => this.columns.types) };
  }

  /** The same if source and target need no string per id. */
  atBytes(source: ByteLists, writeBytes: WriteBytes): Converted {
    return { source, content: this.bytes(source, writeBytes) };
  }

  private async *packed(source: TeacherLists, { pack }: Binary): AsyncGenerator<unknown> {
    for await (const list of this.joined(source)) yield* this.make(list, pack) ?? [];
    this.checkAny(source);
  }

  private async *text(source: TeacherLists, write: Write): AsyncGenerator<Uint8Array> {
    this.out.text(this.form.frame?.before ?? '');
    for await (const list of this.joined(source)) {
      this.addText(list, write);
      if (this.out.length >= BLOCK_BYTES) yield this.out.take();
    }
    yield this.last(source);
  }

  private async *bytes(source: ByteLists, writeBytes: WriteBytes): AsyncGenerator<Uint8Array> {
    const { out, form } = this;
    out.text(form.frame?.before ?? '');
    const blocks = source.read((list) => {
      const ids = form.typedIds ? this.columns.types : ONE_TYPE;
      // The first list determines the types; anything unusual goes to the string writers, which also report
      // its errors.
      if (ids && list.plain && isTyped(list, ids)) this.addBytes(list, ids, writeBytes);
      else this.addText(list.scored(), form.write!);
    });
    for (let done: boolean | undefined = false; !done;) {
      done = (await blocks.next()).done;
      if (out.length >= BLOCK_BYTES) yield out.take();
    }
    yield this.last(source);
  }

  private addText(list: ScoredList, write: Write): void {
    const lines = this.make(list, write);
    if (lines) this.framed(() => this.out.text(lines.join('\n')));
  }

  private addBytes(list: ByteList, ids: IdTypes, writeBytes: WriteBytes): void {
    const { queryBytes, count } = list;
    if (this.form.spread) {
      const { seen } = this;
      const known = seen.count;
      if (seen.intern(queryBytes, 0, queryBytes.length) < known) return this.refuse(queryAgain(list.qid));
    }
    this.count(count);
    this.framed(() => writeBytes(list, this.out, { ids, tag: tagOf(this.missing) }));
  }

  /** What stands around a list in a file. */
  private framed(write: () => void): void {
    const between = this.form.frame?.between;
    if (between && this.result.lists > 1) this.out.text(between);
    write();
    if (!between) this.out.text('\n');
  }

  private last(source: Left): Uint8Array {
    this.checkAny(source);
    this.out.text(this.form.frame?.after ?? '');
    return this.out.take();
  }

  /** A list in the target form; undefined if it is left out. */
  private make<T>(read: ScoredList, make: (list: ScoredList, writing: Writing) => T): T | undefined {
    const { form, missing } = this;
    const list = missing.label ? labelled(read, missing.label) : read;
    const { bytes, middle } = encodeIds(list.qid);
    try {
      if (form.spread && this.seen.find(bytes, 0, middle) >= 0) throw queryAgain(list.qid);
      const ids = form.typedIds ? this.columns.of(list) : undefined;
      const made = make(list, writingOf(list, this.formName, { ...missing, ids }));
      if (form.spread) this.seen.intern(bytes, 0, middle);
      this.count(list.docs.length);
      return made;
    } catch (error) {
      if (!(error instanceof DataError || error instanceof BadLine)) throw error;
      this.refuse(error);
      return undefined;
    }
  }

  private count(documents: number): void {
    this.result.lists++;
    this.result.documents += documents;
  }

  private refuse({ expected, found }: { expected: string; found: string }): void {
    const error = new DataError(this.path, 0, expected, found);
    if (!this.options.skipBad) throw error;
    this.result.skipped++;
    this.options.onSkip?.(error);
    if (this.result.errors.length < KEPT_ERRORS) this.result.errors.push(error);
  }

  private checkAny(source: Left): void {
    const left = this.result.skipped + source.skipped;
    if (this.result.lists === 0 && left > 0)
      throw new DataError(this.path, 0, 'at least one list', `none but what is left out (${left})`);
  }

  /** Joins lists of one query that follow each other. */
  private async *joined(lists: AsyncIterable<ScoredList>): AsyncGenerator<ScoredList> {
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
        this.refuse({
          expected: `${error.expected} of query ${excerpt(list.qid)}`,
          found: error.found,
        });
      }
    }
    if (open) yield open;
  }
}

/** Whether the ids of a list can be written as the column has them. */
const isTyped = (list: ByteList, ids: IdTypes): boolean =>
  (ids.query === 'text' || list.isNumeric('query')) &&
  (ids.documents === 'text' || list.isNumeric('documents'));

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
