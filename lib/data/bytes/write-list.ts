// Writes a list as bytes in each form that needs only ids and scores, with the same result as the string
// writers in ../forms/writers.ts.
import type { IdTypes } from '../forms/scored.js';
import { bestFirst } from './best-first.js';
import type { ByteList } from './byte-list.js';
import type { ByteText } from './byte-text.js';

const [LINE_FEED, TAB, SPACE, QUOTE, COMMA] = Buffer.from('\n\t ",');
const [OPEN_ARRAY, CLOSE_ARRAY, CLOSE_OBJECT] = Buffer.from('[]}');

export interface ByteWriting {
  /** How ids are written if the form has both numbers and strings. */
  ids: IdTypes;
  /** The name of a run. */
  tag: string;
}

/** Writes the lines of one list, without the end of the last one. Its ids must be plain, and numbers where they are written as such. */
export type WriteBytes = (list: ByteList, out: ByteText, writing: ByteWriting) => void;

const asBytes = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

function all(bytes: Uint8Array, out: ByteText): void {
  out.copy(bytes, 0, bytes.length);
}

function queryId({ queryBytes }: ByteList, out: ByteText, { ids }: ByteWriting): void {
  if (ids.query === 'text') out.byte(QUOTE);
  all(queryBytes, out);
  if (ids.query === 'text') out.byte(QUOTE);
}

function documentId({ documents }: ByteList, i: number, out: ByteText, { ids }: ByteWriting): void {
  if (ids.documents === 'text') out.byte(QUOTE);
  documents.copyTo(out, i);
  if (ids.documents === 'text') out.byte(QUOTE);
}

const [ITERATION] = asBytes(' Q0 ');

export const runBytes: WriteBytes = ({ queryBytes, documents, scores, count }, out, { tag }) => {
  const tail = Buffer.from(` ${tag}`.trimEnd());
  const order = bestFirst(scores, count);
  for (let i = 0; i < count; i++) {
    if (i > 0) out.byte(LINE_FEED);
    all(queryBytes, out);
    all(ITERATION, out);
    documents.copyTo(out, order[i]);
    out.byte(SPACE);
    out.number(i + 1);
    out.byte(SPACE);
    out.number(scores[order[i]]);
    all(tail, out);
  }
};

/** One row per document, with cells separated by a separator. */
const rowsBy =
  (separator: number): WriteBytes =>
  ({ queryBytes, documents, scores, count }, out) => {
    for (let i = 0; i < count; i++) {
      if (i > 0) out.byte(LINE_FEED);
      all(queryBytes, out);
      out.byte(separator);
      documents.copyTo(out, i);
      out.byte(separator);
      out.number(scores[i]);
    }
  };

export const tsvBytes = rowsBy(TAB);
export const csvBytes = rowsBy(COMMA);

const ROW = asBytes('{"query_id":', ',"doc_id":', ',"score":');

export const rowObjectBytes: WriteBytes = (list, out, writing) => {
  for (let i = 0; i < list.count; i++) {
    if (i > 0) out.byte(LINE_FEED);
    all(ROW[0], out);
    queryId(list, out, writing);
    all(ROW[1], out);
    documentId(list, i, out, writing);
    all(ROW[2], out);
    out.number(list.scores[i]);
    out.byte(CLOSE_OBJECT);
  }
};

const PYLATE = asBytes('{"query_id":', ',"document_ids":[', '],"scores":[', ']}');

export const pylateBytes: WriteBytes = (list, out, writing) => {
  all(PYLATE[0], out);
  queryId(list, out, writing);
  all(PYLATE[1], out);
  for (let i = 0; i < list.count; i++) {
    if (i > 0) out.byte(COMMA);
    documentId(list, i, out, writing);
  }
  all(PYLATE[2], out);
  for (let i = 0; i < list.count; i++) {
    if (i > 0) out.byte(COMMA);
    out.number(list.scores[i]);
  }
  all(PYLATE[3], out);
};

export const colbertBytes: WriteBytes = (list, out, writing) => {
  out.byte(OPEN_ARRAY);
  queryId(list, out, writing);
  for (let i = 0; i < list.count; i++) {
    out.byte(COMMA);
    out.byte(OPEN_ARRAY);
    documentId(list, i, out, writing);
    out.byte(COMMA);
    out.number(list.scores[i]);
    out.byte(CLOSE_ARRAY);
  }
  out.byte(CLOSE_ARRAY);
};

export const colbertScoreBytes: WriteBytes = (list, out, writing) => {
  out.byte(OPEN_ARRAY);
  queryId(list, out, writing);
  out.byte(COMMA);
  out.byte(OPEN_ARRAY);
  for (let i = 0; i < list.count; i++) {
    if (i > 0) out.byte(COMMA);
    out.byte(OPEN_ARRAY);
    out.number(list.scores[i]);
    out.byte(COMMA);
    documentId(list, i, out, writing);
    out.byte(CLOSE_ARRAY);
  }
  out.byte(CLOSE_ARRAY);
  out.byte(CLOSE_ARRAY);
};

const ENTRY = asBytes('":{', '":');

export const scoreObjectBytes: WriteBytes = ({ queryBytes, documents, scores, count }, out) => {
  out.byte(QUOTE);
  all(queryBytes, out);
  all(ENTRY[0], out);
  for (let i = 0; i < count; i++) {
    if (i > 0) out.byte(COMMA);
    out.byte(QUOTE);
    documents.copyTo(out, i);
    all(ENTRY[1], out);
    out.number(scores[i]);
  }
  out.byte(CLOSE_OBJECT);
};
