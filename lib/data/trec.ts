// TREC runs and qrels, the BEIR qrels table, and MS MARCO's three-column run: readers of lines and of whole tables.
import type { Qrels, Run } from '../metrics/types.js';
import { BadLine, excerpt } from './errors.js';
import { Records, type ReadOptions } from './records.js';
import { parseInteger, parseNumber } from './values.js';

/** One line of a run. */
export interface RunEntry {
  qid: string;
  docid: string;
  /** As written; files number from 0 or from 1, and some do not mean it. */
  rank: number;
  score: number;
  /** The run's name; whatever stands after the fifth column, `''` when nothing does. */
  tag: string;
}

/** One line of judgements. */
export interface Judgement {
  qid: string;
  docid: string;
  level: number;
}

const RUN_LINE = /^(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+(.*))?$/s;

/**
 * Streams a run: `query Q0 document rank score tag` with any white space between (the tag may be missing, or be several
 * words), or MS MARCO's `query document rank`, whose score becomes −rank.
 */
export function readRun(path: string, options?: ReadOptions): Records<RunEntry> {
  return new Records(path, parseRunLine, options);
}

function parseRunLine(line: string): RunEntry {
  const six = RUN_LINE.exec(line.trim());
  if (six) {
    const [, qid, , docid, rank, score, tag = ''] = six;
    return { qid, docid, rank: parseInteger(rank, 'rank'), score: parseNumber(score, 'score'), tag };
  }
  const columns = line.trim().split(/\s+/);
  if (columns.length !== 3) {
    throw new BadLine('"query Q0 document rank score tag" or "query document rank"', excerpt(line));
  }
  const rank = parseInteger(columns[2], 'rank');
  return { qid: columns[0], docid: columns[1], rank, score: -rank, tag: '' };
}

/**
 * Streams judgements: TREC's `query iteration document level`, or three columns `query document level` as in BEIR's
 * tables, whose header `query-id corpus-id score` is passed over.
 */
export function readQrels(path: string, options?: ReadOptions): Records<Judgement> {
  return new Records(path, parseJudgement, options);
}

function parseJudgement(line: string, number: number): Judgement | undefined {
  // Tabs alone part the columns where there are enough of them, so that BEIR ids may hold spaces.
  const byTab = line.split('\t').map((column) => column.trim());
  const columns = byTab.length === 3 || byTab.length === 4 ? byTab : line.trim().split(/\s+/);
  if ((columns.length !== 3 && columns.length !== 4) || columns.includes('')) {
    throw new BadLine('"query iteration document level" or "query document level"', excerpt(line));
  }
  if (number === 1 && /^(query|q)[-_]?id$/i.test(columns[0])) return undefined;
  const [qid, docid, level] = columns.length === 4 ? [columns[0], columns[2], columns[3]] : columns;
  return { qid, docid, level: parseInteger(level, 'level') };
}

/** Sets table[qid][docid], or refuses the line when the pair was there before. */
function enter<T>(
  table: Map<string, Map<string, number>>,
  records: Records<T>,
  qid: string,
  docid: string,
  value: number,
): void {
  let row = table.get(qid);
  if (!row) table.set(qid, (row = new Map()));
  if (row.has(docid)) {
    records.refuse(
      new BadLine(`document ${excerpt(docid)} once for query ${excerpt(qid)}`, 'it a second time'),
    );
  } else {
    row.set(docid, value);
  }
}

/**
 * Reads a whole run into a table.
 *
 * @param options.order `file` (default): documents stay as the lines stand; `rank`: sorted by the rank column, which is
 *   what MS MARCO's convention of `evaluate` goes by
 * @throws DataError at the first bad line, and at a document that a query lists twice (trec_eval refuses that too)
 */
export async function loadRun(
  path: string,
  options: ReadOptions & { order?: 'file' | 'rank' } = {},
): Promise<Run> {
  const records = readRun(path, options);
  const scores = new Map<string, Map<string, number>>();
  const ranks = new Map<string, number>();
  const key = (qid: string, docid: string) => `${qid}\t${docid}`;
  for await (const { qid, docid, rank, score } of records) {
    enter(scores, records, qid, docid, score);
    if (options.order === 'rank') ranks.set(key(qid, docid), rank);
  }
  if (options.order !== 'rank') return scores;
  const rankOf = (qid: string, docid: string) => ranks.get(key(qid, docid))!;
  return new Map(
    [...scores].map(([qid, row]) => [
      qid,
      new Map([...row].sort(([a], [b]) => rankOf(qid, a) - rankOf(qid, b))),
    ]),
  );
}

/**
 * Reads whole judgements into a table.
 *
 * @throws DataError at the first bad line, and at a document that is judged twice for a query
 */
export async function loadQrels(path: string, options?: ReadOptions): Promise<Qrels> {
  const records = readQrels(path, options);
  const levels = new Map<string, Map<string, number>>();
  for await (const { qid, docid, level } of records) enter(levels, records, qid, docid, level);
  return levels;
}

/**
 * One line of a run file, without its end.
 *
 * @throws RangeError for an id that is empty or holds white space, which would part it
 */
export function formatRunLine({ qid, docid, rank, score, tag }: RunEntry): string {
  for (const id of [qid, docid])
    if (!/^\S+$/.test(id))
      throw new RangeError(`a TREC run holds ids without white space, not ${excerpt(id)}`);
  return `${qid} Q0 ${docid} ${rank} ${score} ${tag}`.trimEnd();
}
