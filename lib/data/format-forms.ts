// Writes a scored list in each teacher form, and names what is missing if a form needs more than the list has.
import { DataError, excerpt } from './errors.js';
import type { IdType, ScoredDocument, ScoredList, TeacherForm } from './scored.js';
import { formatRunLine } from './trec.js';

/** What a form needs that the list may lack. */
export interface Missing {
  /** Text of a query. */
  query?: (qid: string) => string | undefined;
  /** Text of a document. */
  document?: (docid: string) => string | undefined;
  /** Label of a document that has none. */
  label?: (qid: string, docid: string) => 0 | 1;
  /** The name in the last column of a run. Default `teacher`. */
  tag?: string;
  /** How ids are written in ColBERT's and PyLate's forms. Default: as the list's file had them, else as numbers if all of the list can be. */
  ids?: { query: IdType; documents: IdType };
}

/** Whether an id can be a number in JSON and be the same again as text; "007" and "q7" cannot. */
const isNumeric = (id: string): boolean => /^(0|[1-9]\d{0,14})$/.test(id);

type IdTypes = NonNullable<ScoredList['ids']>;

/** How a list's ids are written: as its file had them, else as numbers if all of them are whole numbers, as ColBERT and PyLate write them. */
function idTypes({ ids, qid, docs }: ScoredList): IdTypes {
  return (
    ids ?? {
      query: isNumeric(qid) ? 'number' : 'text',
      documents: docs.every(({ docid }) => isNumeric(docid)) ? 'number' : 'text',
    }
  );
}

/** Keeps the ids of each column of a JSON file of one type: a table that reads it takes the type from the first line. */
export class IdColumns {
  private columns: IdTypes | undefined;

  constructor(private readonly wanted?: IdType) {
    if (wanted) this.columns = { query: wanted, documents: wanted };
  }

  /** @throws DataError (file `''`) for ids that cannot be numbers where the lists before had numbers */
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
 * The lines of one list in a form, without their ends.
 *
 * @throws DataError (file `''`) naming the query when it lacks a label, a text or a positive–negative pair the form needs
 */
export function formatList(list: ScoredList, form: TeacherForm, missing: Missing = {}): string[] {
  const { qid, docs } = list;
  const fail = (expected: string, found: string): never => {
    throw new DataError('', 0, `${expected} to write query ${qid} as ${form}`, found);
  };
  const labelOf = (doc: ScoredDocument): 0 | 1 =>
    doc.label ??
    missing.label?.(qid, doc.docid) ??
    fail(
      'labels (or qrels), from --qrels FILE or --first-is-positive,',
      `document ${doc.docid} without a label`,
    );
  const side = (label: 0 | 1) => docs.filter((doc) => labelOf(doc) === label);
  const queryText = () => list.query ?? missing.query?.(qid);
  const documentText = (doc: ScoredDocument): string =>
    doc.text ??
    missing.document?.(doc.docid) ??
    fail('texts (or a BEIR folder), from --data DIR,', `document ${doc.docid} without a text`);
  const ids = (half: ScoredDocument[]) => half.map((doc) => doc.docid);
  const scores = (half: ScoredDocument[]) => half.map((doc) => doc.score);
  const types = missing.ids ?? idTypes(list);
  const jsonId = (id: string, type: IdType) => (type === 'number' ? Number(id) : id);
  const jsonIds = docs.map(({ docid }) => jsonId(docid, types.documents));

  if (form === 'trec' || form === 'hofstaetter') {
    const spaced = [qid, ...ids(docs)].find((id) => /\s/.test(id));
    if (spaced !== undefined) fail('ids without white space', JSON.stringify(spaced));
  }
  switch (form) {
    case 'trec':
      return [...docs]
        .sort((a, b) => b.score - a.score)
        .map(({ docid, score }, i) =>
          formatRunLine({ qid, docid, rank: i + 1, score, tag: missing.tag ?? 'teacher' }),
        );
    case 'colbert':
      return [JSON.stringify([jsonId(qid, types.query), ...docs.map((doc, i) => [jsonIds[i], doc.score])])];
    case 'pylate':
      return [
        JSON.stringify({ query_id: jsonId(qid, types.query), document_ids: jsonIds, scores: scores(docs) }),
      ];
    case 'simlm': {
      const half = (part: ScoredDocument[]) => ({ doc_id: ids(part), score: scores(part) });
      return [
        JSON.stringify({
          query_id: qid,
          query: queryText(),
          positives: half(side(1)),
          negatives: half(side(0)),
        }),
      ];
    }
    case 'flagembedding': {
      const [positives, negatives] = [side(1), side(0)];
      return [
        JSON.stringify({
          query: queryText() ?? fail('texts (or a BEIR folder), from --data DIR,', 'a query without a text'),
          pos: positives.map(documentText),
          neg: negatives.map(documentText),
          pos_scores: scores(positives),
          neg_scores: scores(negatives),
          query_id: qid,
          pos_id: ids(positives),
          neg_id: ids(negatives),
        }),
      ];
    }
    case 'hofstaetter': {
      const [positives, negatives] = [side(1), side(0)];
      if (positives.length === 0 || negatives.length === 0) {
        fail(
          'a positive and a negative (queries without are left out with skipBad, --skip-bad)',
          `${positives.length} and ${negatives.length}`,
        );
      }
      return positives.flatMap((p) =>
        negatives.map((n) => [p.score, n.score, qid, p.docid, n.docid].join('\t')),
      );
    }
  }
}
