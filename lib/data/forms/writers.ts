// The lines of one list in each form that is written.
import { formatRunLine } from '../trec.js';
import type { Writing } from './form.js';
import type { ScoredDocument, ScoredList } from './scored.js';

type Writer = (list: ScoredList, writing: Writing) => string[];

const ids = (docs: ScoredDocument[]) => docs.map((doc) => doc.docid);
const scores = (docs: ScoredDocument[]) => docs.map((doc) => doc.score);
const best = (docs: ScoredDocument[]) => [...docs].sort((a, b) => b.score - a.score);

export const writeRun: Writer = ({ qid, docs }, { tag }) =>
  best(docs).map(({ docid, score }, i) => formatRunLine({ qid, docid, rank: i + 1, score, tag }));

export const writeColbert: Writer = ({ qid, docs }, { id }) => [
  JSON.stringify([id(qid, 'query'), ...docs.map((doc) => [id(doc.docid, 'documents'), doc.score])]),
];

export const writeColbertScores: Writer = ({ qid, docs }, { id }) => [
  JSON.stringify([id(qid, 'query'), docs.map((doc) => [doc.score, id(doc.docid, 'documents')])]),
];

export const writePylate: Writer = ({ qid, docs }, { id }) => [
  JSON.stringify({
    query_id: id(qid, 'query'),
    document_ids: docs.map((doc) => id(doc.docid, 'documents')),
    scores: scores(docs),
  }),
];

export const writeSimlm: Writer = ({ qid }, { side, queryIfKnown }) => {
  const half = (part: ScoredDocument[]) => ({ doc_id: ids(part), score: scores(part) });
  const [positives, negatives] = [half(side(1)), half(side(0))];
  return [JSON.stringify({ query_id: qid, query: queryIfKnown(), positives, negatives })];
};

export const writeFlagEmbedding: Writer = ({ qid }, { side, query, text }) => {
  const [positives, negatives] = [side(1), side(0)];
  return [
    JSON.stringify({
      query: query(),
      pos: positives.map(text),
      neg: negatives.map(text),
      pos_scores: scores(positives),
      neg_scores: scores(negatives),
      query_id: qid,
      pos_id: ids(positives),
      neg_id: ids(negatives),
    }),
  ];
};

/** Every positive with every negative. */
function pairs<T>({ side, fail }: Writing, write: (p: ScoredDocument, n: ScoredDocument) => T): T[] {
  const [positives, negatives] = [side(1), side(0)];
  if (positives.length === 0 || negatives.length === 0) {
    fail(
      'a positive and a negative (queries without are left out with skipBad, --skip-bad)',
      `${positives.length} and ${negatives.length}`,
    );
  }
  return positives.flatMap((p) => negatives.map((n) => write(p, n)));
}

export const writeHofstaetter: Writer = ({ qid }, writing) =>
  pairs(writing, (p, n) => [p.score, n.score, qid, p.docid, n.docid].join('\t'));

export const writeMargins: Writer = ({ qid }, writing) =>
  pairs(writing, (p, n) => [qid, p.docid, n.docid, p.score - n.score].join('\t'));

export const writeTsv: Writer = ({ qid, docs }) =>
  docs.map(({ docid, score }) => [qid, docid, score].join('\t'));

export const writeCsv: Writer = ({ qid, docs }) =>
  docs.map(({ docid, score }) => [quoted(qid), quoted(docid), score].join(','));

const quoted = (id: string): string => (/[",]|^\s|\s$/.test(id) ? `"${id.replaceAll('"', '""')}"` : id);

export const writeRowObjects: Writer = ({ qid, docs }, { id }) =>
  docs.map(({ docid, score }) =>
    JSON.stringify({ query_id: id(qid, 'query'), doc_id: id(docid, 'documents'), score }),
  );

/** Written by hand because an object would put integer ids first. */
export const writeScoreObject: Writer = ({ qid, docs }) => {
  const entries = docs.map(({ docid, score }) => `${JSON.stringify(docid)}:${JSON.stringify(score)}`);
  return [`${JSON.stringify(qid)}:{${entries.join(',')}}`];
};

export const writeHardNegatives: Writer = ({ qid }, { side, id, tag }) => {
  const half = (part: ScoredDocument[]) =>
    part.map(({ docid, score }) => ({ pid: id(docid, 'documents'), 'ce-score': score }));
  const [pos, neg] = [half(side(1)), half(side(0))];
  return [JSON.stringify({ qid: id(qid, 'query'), pos, neg: { [tag]: neg } })];
};

export const writeTevatron: Writer = ({ qid }, { side, query, text }) => {
  const half = (part: ScoredDocument[]) =>
    part.map((doc) => ({ docid: doc.docid, title: '', text: text(doc), score: doc.score }));
  const [positives, negatives] = [half(side(1)), half(side(0))];
  return [
    JSON.stringify({
      query_id: qid,
      query: query(),
      positive_passages: positives,
      negative_passages: negatives,
    }),
  ];
};

export const writeTuple: Writer = ({ docs }, { query, text }) => [
  JSON.stringify({ query: query(), docs: docs.map(text), scores: scores(docs) }),
];

/** Candidates from best to worst, as rankers expect. */
export const writeRankLlm: Writer = ({ qid, docs }, { query, text }) => [
  JSON.stringify({
    query: { text: query(), qid },
    candidates: best(docs).map((doc) => ({
      docid: doc.docid,
      score: doc.score,
      doc: { contents: text(doc) },
    })),
  }),
];
