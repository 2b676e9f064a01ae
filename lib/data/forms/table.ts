// The forms of teacher files, in the order in which they are tried. To add a form, add an entry here.
import { entries, objects } from '../json-pieces.js';
import { ByteList } from '../bytes/byte-list.js';
import { pairReader } from '../bytes/pair-reader.js';
import { RowReader } from '../bytes/row-reader.js';
import { RunLists } from '../bytes/run-lists.js';
import { RunReader } from '../bytes/run-reader.js';
import * as atBytes from '../bytes/write-list.js';
import { HEADER } from '../trec.js';
import { columnsOf, parseObject } from '../values.js';
import { byteReader, listReader, objectReader, reader, type Form, type Head } from './form.js';
import { PAIRS } from './pairs.js';
import { parseColbert, parseFlagEmbedding, parsePylate, parseSimlm, unlabelled } from './lists.js';
import { MARGINS } from './margins.js';
import {
  parseColbertScores,
  parseHardNegatives,
  parseRankLlm,
  parseTevatron,
  parseTuple,
} from './more-lists.js';
import { groupRows, headerOf, parseRowObject, splitTabs } from './rows.js';
import { isPickle, pickledScores, readPickled } from './pickled.js';
import { isParquetHead, readParquet } from './parquet.js';
import { parseScoreObject } from './score-object.js';
import { parquetLists, parquetRows } from './write-parquet.js';
import * as to from './writers.js';

/**
 * Whether a first line is an object, or the start of an array of objects, with all of these names. Looks only
 * at names, so that a damaged line gets its error from the reader.
 */
const named =
  (...names: string[]) =>
  ({ line, text }: Head): boolean =>
    /^(\[\s*)?\{/.test(text) && names.every((name) => (line.length > 4 ? line : text).includes(`"${name}"`));

/** Whether a file is an array of objects with these names; the beginning is enough. */
const inArray =
  (...names: string[]) =>
  (head: Head): boolean =>
    /^\[\s*\{/.test(head.text) && named(...names)({ ...head, line: head.text });

const anyOf =
  (...tests: ((head: Head) => boolean)[]) =>
  (head: Head): boolean =>
    tests.some((test) => test(head));

/** `{"query": {"document": 1.5`, with any white space. */
const SCORE_OBJECT =
  /^\{\s*"(?!query"|positives"|negatives")(?:[^"\\]|\\.){1,200}"\s*:\s*\{\s*"(?:[^"\\]|\\.){1,200}"\s*:\s*(-?\d|NaN|-?Infinity)/;
/** Split by tabs alone if these separate three columns or more, since ids may then contain spaces. */
function columnsByTab(line: string, most: number): string[] {
  const byTab = line.split('\t', most);
  return byTab.length >= 3 ? byTab : columnsOf(line, most);
}
const isNumber = (text: string) => text.trim() !== '' && Number.isFinite(Number(text));

const tableReader = (separator: '\t' | ',') =>
  byteReader((take, refuse, most) => new RowReader(separator, take, refuse, most));

const runReader = byteReader((take, refuse, most, path) => {
  const lines = new RunLists(new ByteList(), take);
  return new RunReader(path, lines, { refuse }, 'trec_eval-10', most);
});

/** Every form that is read. */
export const FORMS = {
  parquet: {
    tells: isParquetHead,
    early: isParquetHead,
    read: readParquet,
    binary: parquetLists,
    typedIds: true,
  },
  // The same file with other columns: written differently, read the same way.
  'parquet-rows': { tells: () => false, read: readParquet, binary: parquetRows, typedIds: true },
  pickle: {
    tells: isPickle,
    early: isPickle,
    read: readPickled,
    binary: pickledScores,
    typedIds: true,
    spread: true,
  },
  json: {
    tells: ({ text }) => SCORE_OBJECT.test(text),
    early: ({ text }) => SCORE_OBJECT.test(text),
    read: listReader(parseScoreObject, entries),
    write: to.writeScoreObject,
    writeBytes: atBytes.scoreObjectBytes,
    frame: { before: '{\n', between: ',\n', after: '\n}\n' },
    spread: true,
  },
  'colbert-scores': {
    tells: ({ line }) => /^\[\s*(-?\d+|"[^"]*")\s*,\s*\[\s*(\[|\])/.test(line),
    read: listReader(parseColbertScores),
    write: to.writeColbertScores,
    writeBytes: atBytes.colbertScoreBytes,
    typedIds: true,
  },
  pylate: {
    tells: named('document_ids'),
    early: inArray('document_ids'),
    read: objectReader(unlabelled(parsePylate)),
    write: to.writePylate,
    writeBytes: atBytes.pylateBytes,
    typedIds: true,
  },
  tevatron: {
    tells: anyOf(named('positive_passages'), named('positive_document_ids')),
    early: inArray('positive_passages'),
    read: objectReader(() => parseTevatron),
    write: to.writeTevatron,
  },
  simlm: {
    tells: named('positives'),
    early: inArray('positives'),
    read: objectReader(() => parseSimlm),
    write: to.writeSimlm,
  },
  'rank-llm': {
    tells: named('candidates'),
    early: inArray('candidates'),
    read: objectReader(() => parseRankLlm),
    write: to.writeRankLlm,
  },
  'hard-negatives': {
    tells: ({ line, text }) => /^(\[\s*)?\{.*"neg"\s*:\s*\{/s.test(line.length > 4 ? line : text),
    read: objectReader(() => parseHardNegatives),
    write: to.writeHardNegatives,
    typedIds: true,
  },
  // Without scores, which its reader reports; its names are so common that other forms are tried first.
  flagembedding: {
    tells: anyOf(named('pos_scores'), named('pos')),
    early: inArray('pos', 'neg'),
    read: objectReader(() => parseFlagEmbedding),
    write: to.writeFlagEmbedding,
  },
  'sentence-transformers': {
    tells: anyOf(named('negative'), named('negative_1'), named('scores'), named('labels')),
    read: objectReader(() => parseTuple),
    write: to.writeTuple,
  },
  jsonl: {
    tells: ({ text }) => {
      const first = text.slice(0, 4096).split('}', 1)[0];
      const names = [...first.matchAll(/"([^"]{1,40})"\s*:/g)].map(([, name]) => name);
      return /^(\[\s*)?\{/.test(text) && headerOf(names) !== undefined;
    },
    read: reader(() => (line) => parseRowObject(parseObject(line)), groupRows, objects),
    write: to.writeRowObjects,
    writeBytes: atBytes.rowObjectBytes,
    typedIds: true,
  },
  colbert: {
    tells: ({ line }) => line.startsWith('['),
    read: reader(unlabelled(parseColbert), (records) => records),
    write: to.writeColbert,
    writeBytes: atBytes.colbertBytes,
    typedIds: true,
  },
  tsv: {
    tells: ({ line }) => headerOf(splitTabs(line)) !== undefined,
    ...tableReader('\t'),
    write: to.writeTsv,
    writeBytes: atBytes.tsvBytes,
    frame: { before: 'query_id\tdoc_id\tscore\n', between: '', after: '' },
    idsWithout: /[\t\r\n]|^\s|\s$/,
  },
  csv: {
    tells: ({ line }) => {
      if (line.startsWith('{') || line.startsWith('[')) return false;
      const cells = line.split(',');
      return headerOf(cells.map(bare)) !== undefined || (cells.length === 3 && isNumber(cells[2].trim()));
    },
    ...tableReader(','),
    write: to.writeCsv,
    writeBytes: atBytes.csvBytes,
    frame: { before: 'query_id,doc_id,score\n', between: '', after: '' },
    idsWithout: /[\r\n]/,
  },
  gpl: {
    tells: ({ line }) => {
      const columns = columnsByTab(line, 5);
      // The fourth column of judgements is a level, and their second an iteration.
      return columns.length === 4 && /^-?\d*\.\d+(e-?\d+)?$/i.test(columns[3]) && !/^q?0$/i.test(columns[1]);
    },
    ...byteReader(pairReader(MARGINS)),
    write: to.writeMargins,
    spread: true,
    idsWithout: /\s/,
  },
  hofstaetter: {
    tells: ({ line }) => {
      const columns = columnsByTab(line, 6);
      // A run without its tag has five columns as well, but a query and "Q0" where a pair has its two scores.
      return columns.length === 5 && isNumber(columns[0]) && isNumber(columns[1]);
    },
    ...byteReader(pairReader(PAIRS)),
    write: to.writeHofstaetter,
    spread: true,
    idsWithout: /\s/,
  },
  // The fallback: its reader reports what it expects.
  trec: {
    tells: ({ line }) => !line.startsWith('{'),
    ...runReader,
    write: to.writeRun,
    writeBytes: atBytes.runBytes,
    spread: true,
    idsWithout: /\s/,
  },
} satisfies Record<string, Form>;

const bare = (cell: string): string => cell.trim().replace(/^"(.*)"$/, '$1');

/** Whether a first line is a judgement, or the header of judgements. */
export function isJudgements(line: string): boolean {
  const columns = columnsByTab(line, 6);
  return (
    (columns.length === 3 && HEADER.test(columns[0])) ||
    (columns.length === 4 && /^\d+$/.test(columns[3])) ||
    /^"?query-id"?,"?corpus-id"?,"?score"?$/.test(line)
  );
}

/**
 * The forms of teacher files.
 *
 * | form | contents |
 * | --- | --- |
 * | `trec` | a line `query Q0 document rank score tag`, the lines of a query together |
 * | `tsv`, `csv` | a row `query, document, score`, with or without a header that names the columns |
 * | `jsonl` | `{"query_id", "doc_id", "score"}` |
 * | `json` | one object `{query: {document: score}}` |
 * | `parquet` | PyLate's lists, a scored pair a row, or the fields of one of the other forms as columns; a file, a folder, or a pattern with `*`. PyLate's columns are written |
 * | `parquet-rows` | read as `parquet`; written as a scored pair a row: `qid`, `docno`, `score` |
 * | `pickle` | Python's pickle of `{query: {document: score}}`, protocols 2 to 5 |
 * | `colbert` | `[query, [document, score], …]` |
 * | `colbert-scores` | `[query, [[score, document], …]]` |
 * | `pylate` | `{"query_id", "document_ids": […], "scores": […]}` |
 * | `flagembedding` | `{"query", "pos": [texts], "neg": [texts], "pos_scores", "neg_scores"}`; optional `query_id`, `pos_id`, `neg_id` |
 * | `simlm` | `{"query_id", "query", "positives": {"doc_id", "score"}, "negatives": {"doc_id", "score"}}` |
 * | `hard-negatives` | `{"qid", "pos": [{"pid", "ce-score"}], "neg": {system: [{"pid", "ce-score"}]}}` |
 * | `tevatron` | `{"query_id", "query", "positive_passages": [{"docid", "title", "text", "score"}], "negative_passages"}` |
 * | `rank-llm` | `{"query": {"qid", "text"}, "candidates": [{"docid", "score", "doc"}]}` |
 * | `sentence-transformers` | `{query, positive, negative_1, …, "scores"}` or `{query, documents, "scores"}` |
 * | `hofstaetter` | `positive's score ⇥ negative's score ⇥ query ⇥ positive ⇥ negative`, one pair a line |
 * | `gpl` | `query ⇥ positive ⇥ negative ⇥ margin`, one pair a line |
 */
export const TEACHER_FORMS = Object.keys(FORMS) as TeacherForm[];
/** The name of a form, see `TEACHER_FORMS`. */
export type TeacherForm = keyof typeof FORMS;

/** The forms that can be written: all of them. */
export type WritableForm = TeacherForm;
/** The names of the forms that `convertTeacher` writes. */
export const WRITABLE_FORMS: readonly WritableForm[] = TEACHER_FORMS;
/** The forms that are text, a list of which `formatList` writes. */
export type TextForm = {
  [Name in TeacherForm]: (typeof FORMS)[Name] extends { write: unknown } ? Name : never;
}[TeacherForm];

/** @throws RangeError for an unknown name */
export function formNamed(name: string): Form {
  if (!Object.hasOwn(FORMS, name)) throw new RangeError(`unknown teacher form ${JSON.stringify(name)}`);
  return FORMS[name as TeacherForm];
}
