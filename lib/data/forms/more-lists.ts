// Parsers of the forms with texts, other systems' lists or a ranker's output: ColBERT's scorer, hard
// negatives, Tevatron, rank_llm, sentence-transformers.
import { BadLine, excerpt } from '../errors.js';
import type { Fields } from '../lines.js';
import { asArray, asId, asScore, asText, parseJson, shown } from '../values.js';
import { distinct, idTypesOf, namesOf, textId, zip } from './lists.js';
import type { ScoredDocument, ScoredList } from './scored.js';

function asObject(value: unknown, what: string, index?: number): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new BadLine(`an object as ${index === undefined ? what : `${what}[${index}]`}`, shown(value));
}

/** What ColBERT's own scorer writes: `[qid, [[score, pid], …]]`. It has no labels. */
export function parseColbertScores(line: string): ScoredList {
  const value = parseJson(line);
  if (!Array.isArray(value) || value.length !== 2 || !Array.isArray(value[1]) || value[1].length === 0)
    throw new BadLine('[query, [[score, document], …]]', excerpt(line));
  const pairs = value[1] as unknown[];
  const docs = pairs.map((pair, i): ScoredDocument => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new BadLine('[score, document]', shown(pair));
    return { docid: asId(pair[1], 'document', i), score: asScore(pair[0], 'score', i) };
  });
  return distinct({
    qid: asId(value[0], 'query'),
    docs,
    ids: idTypesOf(
      value[0],
      pairs.map((pair) => (pair as unknown[])[1]),
    ),
  });
}

/**
 * A line of msmarco-hard-negatives that has its cross-encoder's scores: `{"qid", "pos": [{"pid", "ce-score"}], "neg": {system: [{"pid", "ce-score"}]}}`.
 * A document found by several systems is used once.
 */
export function parseHardNegatives(record: Fields): ScoredList {
  const side = (value: unknown, what: string, label: 0 | 1) =>
    asArray(value, what, (entry, name, i): ScoredDocument => {
      if (typeof entry !== 'object' || entry === null)
        throw new BadLine(
          'entries with "pid" and "ce-score": these lists of ids have no scores (those of the MiniLM cross-encoder are a file of their own, cross-encoder-ms-marco-MiniLM-L-6-v2-scores.pkl.gz)',
          `${shown(entry)} as ${name}[${i}]`,
        );
      const { pid, 'ce-score': score } = entry as Fields;
      return {
        docid: asId(pid, `${name}[${i}].pid`),
        score: asScore(score, `${name}[${i}]."ce-score"`),
        label,
      };
    });
  const systems = Object.entries(asObject(record.neg, '"neg"'));
  const positives = side(record.pos, '"pos"', 1);
  const known = new Set(positives.map(({ docid }) => docid));
  // A positive that a system found is not a negative.
  const negatives = systems
    .flatMap(([system, list]) => side(list, `"neg".${excerpt(system)}`, 0))
    .filter(({ docid }) => !known.has(docid));
  const entries = [record.pos, ...systems.map(([, list]) => list)].flat() as Fields[];
  const ids = idTypesOf(
    record.qid,
    entries.map(({ pid }) => pid),
  );
  return distinct({ qid: asId(record.qid, '"qid"'), docs: [...positives, ...negatives], ids });
}

/** Tevatron's training lines, with a score in each passage: `{"query_id", "query", "positive_passages": [{"docid", "title", "text", "score"}], "negative_passages"}`. */
export function parseTevatron(record: Fields): ScoredList {
  const side = (name: string, label: 0 | 1) =>
    asArray(record[name], `"${name}"`, (value, what, i): ScoredDocument => {
      const passage = asObject(value, what, i);
      if (passage.score === undefined)
        throw new BadLine(
          `"score", the teacher's, in each passage of ${what}`,
          `${what}[${i}] with ${namesOf(passage)}`,
        );
      const doc: ScoredDocument = {
        docid: asId(passage.docid, `${what}[${i}].docid`),
        score: asScore(passage.score, `${what}[${i}].score`),
        label,
      };
      if (passage.text === undefined) return doc;
      const title = asText(passage.title ?? '', `${what}[${i}].title`);
      const text = asText(passage.text, `${what}[${i}].text`);
      return { ...doc, text: title ? `${title} ${text}` : text };
    });
  if (record.positive_passages === undefined && record.positive_document_ids !== undefined)
    throw new BadLine(
      `"positive_passages" and "negative_passages" with the teacher's scores`,
      'lists of document ids without scores',
    );
  const list: ScoredList = {
    qid: asId(record.query_id, '"query_id"'),
    docs: [...side('positive_passages', 1), ...side('negative_passages', 0)],
  };
  const passages = [record.positive_passages, record.negative_passages].flat() as Fields[];
  list.ids = idTypesOf(
    record.query_id,
    passages.map(({ docid }) => docid),
  );
  // Version 2 has the query's text under either name.
  const query = record.query ?? record.query_text;
  if (typeof query === 'string') list.query = query;
  return distinct(list);
}

/** What rank_llm reads and writes: `{"query": {"qid", "text"}, "candidates": [{"docid", "score", "doc"}]}`. It has no labels. */
export function parseRankLlm(record: Fields): ScoredList {
  const query = asObject(record.query, '"query"');
  const docs = asArray(record.candidates, '"candidates"', (value, what, i): ScoredDocument => {
    const { docid, score, doc } = asObject(value, what, i);
    const scored = {
      docid: asId(docid, `${what}[${i}].docid`),
      score: asScore(score, `${what}[${i}].score`),
    };
    const text = textOf(doc);
    return text === undefined ? scored : { ...scored, text };
  });
  const candidates = record.candidates as Fields[];
  const ids = idTypesOf(
    query.qid,
    candidates.map(({ docid }) => docid),
  );
  const list: ScoredList = { qid: asId(query.qid, '"query".qid'), docs, ids };
  if (typeof query.text === 'string') list.query = query.text;
  return distinct(list);
}

/** The text of one of Pyserini's documents, whose fields depend on the collection. */
function textOf(doc: unknown): string | undefined {
  if (typeof doc === 'string') return doc;
  if (typeof doc !== 'object' || doc === null) return undefined;
  const { title, contents, text, segment, passage } = doc as Fields;
  const body = [contents, text, segment, passage].find((value) => typeof value === 'string') as string;
  return typeof title === 'string' && title && body !== undefined ? `${title} ${body}` : body;
}

const SCORES = ['scores', 'score', 'labels', 'label'];

/**
 * A line of a data set of sentence-transformers, whose columns count by their order: query, positive, negatives, and the scores as a list
 * (or the margin, if there is one negative); or query, a list of documents, and their scores. Whole numbers in place of texts are ids.
 */
export function parseTuple(record: Fields): ScoredList {
  const name = SCORES.find((candidate) => record[candidate] !== undefined);
  const given = name === undefined ? undefined : record[name];
  const columns = Object.entries(record).filter(([column]) => !SCORES.includes(column));
  if (given === undefined)
    throw new BadLine(
      `the teacher's scores as "scores", "score" or "label" (mine_hard_negatives writes them with output_scores=True)`,
      `an object with ${namesOf(record)}`,
    );
  if (columns.length < 2)
    throw new BadLine('a query, and documents, beside the scores', `an object with ${namesOf(record)}`);
  const [[queryName, query], [firstName, first]] = columns;
  const list = { qid: idOf(query, `"${queryName}"`), ...(isText(query) && { query }) };
  const one = (value: unknown, what: string, label?: 0 | 1): Omit<ScoredDocument, 'score'> => ({
    docid: idOf(value, what),
    ...(label !== undefined && { label }),
    ...(isText(value) && { text: value }),
  });
  let docs: Omit<ScoredDocument, 'score'>[];
  if (Array.isArray(first)) docs = first.map((value, i) => one(value, `"${firstName}"[${i}]`));
  else docs = columns.slice(1).map(([column, value], i) => one(value, `"${column}"`, i === 0 ? 1 : 0));
  const scores = scoresOf(given, `"${name}"`, docs.length);
  if (
    Array.isArray(first) &&
    name!.startsWith('label') &&
    scores.every((score) => score === 0 || score === 1)
  )
    throw new BadLine(`the teacher's scores`, `labels alone, ${shown(given)}, as "${name}"`);
  const scored = zip(
    docs.map(({ docid }) => docid),
    scores,
    'the line',
  );
  const ids = idTypesOf(query, Array.isArray(first) ? first : columns.slice(1).map(([, value]) => value));
  return distinct({ ...list, docs: docs.map((doc, i) => ({ ...doc, score: scored[i].score })), ids });
}

/** A margin is all that a loss over differences needs, so the positive's score is set to 0. */
function scoresOf(given: unknown, what: string, documents: number): number[] {
  if (typeof given !== 'number' || documents !== 2) return asArray(given, what, asScore);
  return [0, -asScore(given, what)];
}

const WHOLE = /^\d+$/;
const isText = (value: unknown): value is string => typeof value === 'string' && !WHOLE.test(value);

function idOf(value: unknown, what: string): string {
  return isText(value) ? textId(value) : asId(value, what);
}
