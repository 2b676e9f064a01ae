// Writes a scored list in each teacher form; says what is missing when a form needs more than the list holds.
import { DataError } from './errors.js';
import type { ScoredDocument, ScoredList, TeacherForm } from './scored.js';
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
}

/** A whole number stays a number in JSON, as ColBERT and PyLate write their ids; "007" and "q7" stay texts. */
function jsonId(id: string): string | number {
  return /^(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
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
    fail('labels (or qrels)', `document ${doc.docid} without a label`);
  const side = (label: 0 | 1) => docs.filter((doc) => labelOf(doc) === label);
  const queryText = () => list.query ?? missing.query?.(qid);
  const documentText = (doc: ScoredDocument): string =>
    doc.text ??
    missing.document?.(doc.docid) ??
    fail('texts (or a BEIR folder)', `document ${doc.docid} without a text`);
  const ids = (half: ScoredDocument[]) => half.map((doc) => doc.docid);
  const scores = (half: ScoredDocument[]) => half.map((doc) => doc.score);

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
      return [JSON.stringify([jsonId(qid), ...docs.map((doc) => [jsonId(doc.docid), doc.score])])];
    case 'pylate':
      return [
        JSON.stringify({ query_id: jsonId(qid), document_ids: ids(docs).map(jsonId), scores: scores(docs) }),
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
          query: queryText() ?? fail('texts (or a BEIR folder)', 'a query without a text'),
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
        fail('a positive and a negative', `${positives.length} and ${negatives.length}`);
      }
      return positives.flatMap((p) =>
        negatives.map((n) => [p.score, n.score, qid, p.docid, n.docid].join('\t')),
      );
    }
  }
}
