// Writes a scored list in each teacher form, and reports what is missing if a form needs more than the list
// has.
import { DataError, excerpt } from '../errors.js';
import { FORMS, type TextForm, type WritableForm } from './table.js';
import type { Form, Writing } from './form.js';
import type { IdType, IdTypes, ScoredDocument, ScoredList } from './scored.js';

/** Data that a form needs and the list may lack. */
export interface Missing {
  /** Text of a query. */
  query?: (qid: string) => string | undefined;
  /** Text of a document. */
  document?: (docid: string) => string | undefined;
  /** Label of a document that has none. */
  label?: (qid: string, docid: string) => 0 | 1;
  /** The name in the last column of a run, and of the system in hard negatives. Default `teacher`. */
  tag?: string;
  /**
   * How ids are written in forms with numbers or strings. Default: as in the list's file, else as numbers if
   * all ids of the list can be numbers.
   */
  ids?: IdTypes;
}

export const tagOf = ({ tag = 'teacher' }: Missing): string => tag;

/** Whether an id survives a round trip through a JSON number; "007" and "q7" do not. */
const isNumeric = (id: string): boolean => /^(0|[1-9]\d{0,14})$/.test(id);

/**
 * How a list's ids are written: as in its file, else as numbers if all are integers, as ColBERT and PyLate
 * do.
 */
function idTypes({ ids, qid, docs }: ScoredList): IdTypes {
  return (
    ids ?? {
      query: isNumeric(qid) ? 'number' : 'text',
      documents: docs.every(({ docid }) => isNumeric(docid)) ? 'number' : 'text',
    }
  );
}

/**
 * Keeps the ids in each column of a JSON file the same type, because table readers take the type from the
 * first line.
 */
export class IdColumns {
  private columns: IdTypes | undefined;

  /** Known once a list was asked for. */
  get types(): IdTypes | undefined {
    return this.columns;
  }

  constructor(private readonly wanted?: IdType) {
    if (wanted) this.columns = { query: wanted, documents: wanted };
  }

  /** @throws DataError (file `''`) for ids that cannot be numbers if earlier lists had numbers */
  of(list: ScoredList): IdTypes {
    this.columns ??= idTypes(list);
    const { query, documents } = this.columns;
    const check = (column: IdType, id: string): void => {
      if (column === 'text' || isNumeric(id)) return;
      const expected = this.wanted
        ? 'a whole number as id'
        : 'a whole number as id, as in the first list (ids: text, --ids text, writes all as texts)';
      throw new DataError('', 0, expected, `${excerpt(id)} in query ${excerpt(list.qid)}`);
    };
    check(query, list.qid);
    for (const { docid } of list.docs) check(documents, docid);
    return this.columns;
  }
}

/**
 * The lines of one list in a form, without line ends. Files of the forms `tsv`, `csv` and `json` also have a
 * header or braces, which `convertTeacher` adds.
 *
 * @throws DataError (file `''`) naming the query when it lacks a label, a text or a positive–negative pair the form needs
 */
export function formatList(list: ScoredList, form: TextForm, missing: Missing = {}): string[] {
  const { write }: Form = FORMS[form];
  return write!(list, writingOf(list, form, missing));
}

/** @throws DataError (file `''`) for ids that the form cannot hold */
export function writingOf(list: ScoredList, form: WritableForm, missing: Missing): Writing {
  const { qid, docs } = list;
  const fail = (expected: string, found: string): never => {
    throw new DataError('', 0, `${expected} to write query ${qid} as ${form}`, found);
  };
  const labelOf = (doc: ScoredDocument): 0 | 1 =>
    doc.label ??
    missing.label?.(qid, doc.docid) ??
    fail(
      'labels (or qrels), from --qrels FILE or, of colbert and pylate lists, --first-is-positive,',
      `document ${doc.docid} without a label`,
    );
  const queryIfKnown = () => list.query ?? missing.query?.(qid);
  const types = missing.ids ?? idTypes(list);
  const { idsWithout }: Form = FORMS[form];
  const parted = idsWithout && [qid, ...docs.map(({ docid }) => docid)].find((id) => idsWithout.test(id));
  if (parted !== undefined)
    fail(
      idsWithout!.source === '\\s' ? 'ids without white space' : 'ids without tabs or line ends',
      excerpt(parted),
    );
  return {
    side: (label) => docs.filter((doc) => labelOf(doc) === label),
    queryIfKnown,
    query: () =>
      queryIfKnown() ?? fail('texts (or a BEIR folder), from --data DIR,', 'a query without a text'),
    text: (doc) =>
      doc.text ??
      missing.document?.(doc.docid) ??
      fail('texts (or a BEIR folder), from --data DIR,', `document ${doc.docid} without a text`),
    id: (id, column) => (types[column] === 'number' ? Number(id) : id),
    tag: tagOf(missing),
    fail,
  };
}
