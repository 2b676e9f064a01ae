// Parsers of the training forms with ids and scores, one query per line: ColBERT, PyLate, FlagEmbedding,
// SimLM.
import { createHash } from 'node:crypto';
import { BadLine, excerpt } from '../errors.js';
import type { Fields } from '../lines.js';
import { asArray, asId, asScore, asText, parseJson, shown } from '../values.js';
import type { IdType, IdTypes, ScoredDocument, ScoredList } from './scored.js';

/**
 * Drops exact repeats of a document, which real files contain; rejects a document with two scores or on two
 * sides, and an empty list.
 */
export function distinct(list: ScoredList): ScoredList {
  if (list.docs.length === 0) throw new BadLine(`documents of query ${excerpt(list.qid)}`, 'none');
  const seen = new Map<string, ScoredDocument>();
  for (const doc of list.docs) {
    const known = seen.get(doc.docid);
    if (known && (known.score !== doc.score || known.label !== doc.label)) {
      throw new BadLine(`one score and one side for document ${excerpt(doc.docid)}`, 'another');
    }
    if (!known) seen.set(doc.docid, doc);
  }
  return seen.size === list.docs.length ? list : { ...list, docs: [...seen.values()] };
}

/**
 * One list of two lists of one query.
 *
 * @throws BadLine for a document with two scores or on two sides
 */
export function joinLists(a: ScoredList, b: ScoredList): ScoredList {
  const joined: ScoredList = distinct({ ...a, docs: [...a.docs, ...b.docs] });
  if (!a.ids || !b.ids) return joined;
  return { ...joined, ids: joinTypes(a.ids, b.ids) };
}

/** Numbers, where both have numbers. */
export function joinTypes(a: IdTypes, b: IdTypes): IdTypes {
  const type = (column: 'query' | 'documents') =>
    a[column] === 'number' && b[column] === 'number' ? 'number' : 'text';
  return { query: type('query'), documents: type('documents') };
}

/** Pairs ids[i] with scores[i]; both must have the same length. */
export function zip(ids: string[], scores: number[], what: string, label?: 0 | 1): ScoredDocument[] {
  if (ids.length !== scores.length)
    throw new BadLine(`as many scores as documents in ${what}`, `${scores.length} and ${ids.length}`);
  return ids.map((docid, i) =>
    label === undefined ? { docid, score: scores[i] } : { docid, score: scores[i], label },
  );
}

const isNumber = (id: unknown): boolean => typeof id === 'number' || typeof id === 'bigint';

export const idType = (id: unknown): IdType => (isNumber(id) ? 'number' : 'text');

/** How a file has the ids of one list. */
export const idTypesOf = (query: unknown, documents: readonly unknown[]): IdTypes => ({
  query: idType(query),
  documents: documents.every(isNumber) ? 'number' : 'text',
});

/** A parser that optionally treats the first document of each list as its positive. */
export const unlabelled =
  <Input>(parse: (input: Input) => ScoredList) =>
  (options: { firstIsPositive?: boolean }) =>
  (input: Input): ScoredList => {
    const list = parse(input);
    if (!options.firstIsPositive) return list;
    return { ...list, docs: list.docs.map((doc, i) => ({ ...doc, label: i === 0 ? 1 : 0 })) };
  };

/** ColBERT's distillation file: `[qid, [pid, score], …]`. It has no labels. */
export function parseColbert(line: string): ScoredList {
  const value = parseJson(line);
  if (!Array.isArray(value) || value.length < 2)
    throw new BadLine('[query, [document, score], …]', excerpt(line));
  const docs = value.slice(1).map((pair: unknown, i) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new BadLine('[document, score]', shown(pair));
    const [id, score] = pair as [unknown, unknown];
    // The name of a value is built only for an error, because lists may be long.
    return {
      docid:
        typeof id === 'string' && id !== ''
          ? id
          : Number.isSafeInteger(id)
            ? String(id)
            : asId(id, `document ${i + 1}`),
      score: Number.isFinite(score) ? (score as number) : asScore(score, `score ${i + 1}`),
    };
  });
  return distinct({
    qid: asId(value[0], 'query'),
    docs,
    ids: idTypesOf(
      value[0],
      value.slice(1).map(([id]: unknown[]) => id),
    ),
  });
}

/**
 * An array, or an array printed into a text, as older PyLate tables have it (Python's ast.literal_eval reads them there). Ids that a double
 * would round become texts.
 */
function maybePrinted(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return parseJson(
    value.replaceAll(/'([^'"\\]*)'/g, '"$1"').replaceAll(/(?<=[[,]\s*)\d{16,}(?=\s*[,\]])/g, '"$&"'),
  );
}

/** PyLate's train table: `{"query_id", "document_ids", "scores"}`. It has no labels. */
export function parsePylate(record: Fields): ScoredList {
  const given = maybePrinted(record.document_ids) as unknown[];
  const ids = asArray(given, '"document_ids"', asId);
  const scores = asArray(maybePrinted(record.scores), '"scores"', asScore);
  return distinct({
    qid: asId(record.query_id, '"query_id"'),
    docs: zip(ids, scores, '"document_ids"'),
    ids: idTypesOf(record.query_id, given),
  });
}

/** 16 hex digits of SHA-256: the id of a text without one; equal texts get equal ids. */
export function textId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The names in an object, as an error shows them. */
export const namesOf = (record: object): string =>
  Object.keys(record)
    .slice(0, 8)
    .map((name) => excerpt(name))
    .join(', ') || 'nothing in it';

/** FlagEmbedding's fine-tuning file with teacher scores. Texts without ids get {@link textId}. */
export function parseFlagEmbedding(record: Fields): ScoredList {
  if (record.pos_scores === undefined && record.neg_scores === undefined && Array.isArray(record.pos))
    throw new BadLine(
      '"pos_scores" and "neg_scores", the teacher\'s scores (FlagEmbedding\'s add_reranker_score.py writes them)',
      `an object with ${namesOf(record)}`,
    );
  const side = (name: 'pos' | 'neg', label: 0 | 1): ScoredDocument[] => {
    const texts = asArray(record[name], `"${name}"`, asText);
    const given = record[`${name}_id`];
    const ids = given === undefined ? texts.map(textId) : asArray(given, `"${name}_id"`, asId);
    if (ids.length !== texts.length)
      throw new BadLine(`as many ids as texts in "${name}"`, `${ids.length} and ${texts.length}`);
    const scores = asArray(record[`${name}_scores`], `"${name}_scores"`, asScore);
    return zip(ids, scores, `"${name}"`, label).map((doc, i) => ({ ...doc, text: texts[i] }));
  };
  const query = asText(record.query, '"query"');
  const qid = record.query_id === undefined ? textId(query) : asId(record.query_id, '"query_id"');
  // Texts without ids get some that are texts.
  const given = [record.pos_id ?? record.pos, record.neg_id ?? record.neg].flat();
  const ids = idTypesOf(record.query_id, given);
  return distinct({ qid, query, docs: [...side('pos', 1), ...side('neg', 0)], ids });
}

/** SimLM's training file. */
export function parseSimlm(record: Fields): ScoredList {
  const side = (name: 'positives' | 'negatives', label: 0 | 1): ScoredDocument[] => {
    const half = record[name];
    if (typeof half !== 'object' || half === null) throw new BadLine(`an object as "${name}"`, shown(half));
    const { doc_id, score } = half as Record<string, unknown>;
    return zip(
      asArray(doc_id, `"${name}.doc_id"`, asId),
      asArray(score, `"${name}.score"`, asScore),
      `"${name}"`,
      label,
    );
  };
  const list: ScoredList = {
    qid: asId(record.query_id, '"query_id"'),
    docs: [...side('positives', 1), ...side('negatives', 0)],
  };
  const halves = [record.positives, record.negatives] as { doc_id: unknown[] }[];
  list.ids = idTypesOf(
    record.query_id,
    halves.flatMap(({ doc_id }) => doc_id),
  );
  if (record.query !== undefined) list.query = asText(record.query, '"query"');
  return distinct(list);
}
