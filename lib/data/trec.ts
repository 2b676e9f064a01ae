// TREC runs and qrels, the BEIR qrels table, and MS MARCO's three-column run: readers of lines and of whole tables.
import type { Qrels, Run } from '../metrics/types.js';
import {
  judgementRow,
  QRELS_COLUMNS,
  RUN_COLUMNS,
  runRow,
  type Judgement,
  type RunEntry,
} from './columns.js';
import { BadLine, DataError, excerpt } from './errors.js';
import { pickFields, recordsOf } from './parquet/tables.js';
import type { Records, ReadOptions } from './records.js';
import { MOST_ENTRIES, Room } from './room.js';
import { columnsOf, parseExtended, parseInteger, parseObject } from './values.js';

export type { Judgement, RunEntry };

const RUN_FORMS = '"query Q0 document rank score tag", "query document rank" or "query document score"';

/**
 * Streams a run: `query Q0 document rank score tag` with any white space between (the tag may be missing, or be several
 * words), or three columns: MS MARCO's `query document rank`, whose score becomes −rank, or `query document score` if the last column of the
 * first line has a decimal point, an exponent or a sign. If tabs separate the columns, ids may contain
 * spaces. Scores may be infinite. Lines that begin with `#` and are not lines of a run are comments. Parquet
 * files have columns `qid` (or `query_id`), `docno` (or `doc_id`, `docid`, `passage_id`, …), `score` and
 * perhaps `rank`.
 */
export function readRun(path: string, options?: ReadOptions): Records<RunEntry> {
  return recordsOf(path, runParser(), RUN_COLUMNS, runRow, options);
}

/** The parser of one run's lines, which remembers the meaning of the third column of three. */
export function runParser(third: Third = {}): (line: string) => RunEntry | undefined {
  return (line) => orComment(line, () => parseRunLine(line, third));
}

/** What is expected instead of a line; a teacher's lists in JSON can be converted to a run. */
const expectedFor = (line: string): string =>
  /^[[{]/.test(line)
    ? `${RUN_FORMS} (of a teacher's lists, ckl-loss convert --to-form trec makes one)`
    : RUN_FORMS;

/** The meaning of the last of three columns: known from the first line that has them. */
export interface Third {
  is?: 'rank' | 'score';
}

/**
 * Five or six columns of printable ASCII, separated by single blanks or single tabs: one search instead of
 * several.
 */
const COMMON_LINE = /^([!-~]+)([ \t])[!-~]+\2([!-~]+)\2([!-~]+)\2([!-~]+)(?:\2([!-~]+))?$/;

function parseRunLine(line: string, third: Third): RunEntry {
  const common = COMMON_LINE.exec(line);
  if (common) {
    const [, qid, , docid, rank, score, tag = ''] = common;
    return { qid, docid, rank: wholeRank(rank), score: parseExtended(score, 'score'), tag };
  }
  const columns = runColumns(line);
  if (columns.length >= 5) {
    const [qid, , docid, rank, score] = columns;
    return {
      qid,
      docid,
      rank: wholeRank(rank),
      score: parseExtended(score, 'score'),
      tag: tagOf(line, columns),
    };
  }
  if (columns.length !== 3) throw new BadLine(expectedFor(line), excerpt(line));
  const [qid, docid, last] = columns;
  const is = /^\d+$/.test(last) ? 'rank' : 'score';
  third.is ??= is;
  if (third.is === 'rank') {
    if (is !== 'rank') throw new BadLine('a whole number as rank, as in the first line', excerpt(last));
    const rank = parseInteger(last, 'rank');
    return { qid, docid, rank, score: -rank, tag: '', byRank: true };
  }
  return { qid, docid, rank: NaN, score: parseExtended(last, 'score'), tag: '' };
}

/** trec_eval never reads the rank, and files contain all sorts of things there. */
const wholeRank = (rank: string): number => (/^[-+]?\d+$/.test(rank) ? Number(rank) : NaN);

/**
 * The columns of a line of a run, with the words of the tag separate; split by tabs alone if these separate
 * enough of them.
 */
function runColumns(line: string): string[] {
  const bySpace = columnsOf(line, 6);
  const byTab = line.split('\t', 7).map((column) => column.trim());
  if (byTab.some((column) => column === '') || !byTab.some((column) => /\s/.test(column))) return bySpace;
  if (byTab.length === 5 || byTab.length === 6) return byTab;
  // Three columns with spaces in an id, unless it is a run in which tabs separate only the last columns.
  return byTab.length === 3 && !/^q?0$/i.test(bySpace[1]) ? byTab : bySpace;
}

/** The text after the fifth column. */
function tagOf(line: string, columns: readonly string[]): string {
  if (columns.length < 6) return '';
  if (/\s/.test(columns[2]) || /\s/.test(columns[0])) return columns[5];
  return /^\s*(?:\S+\s+){5}(.*)$/s.exec(line)?.[1].trimEnd() ?? '';
}

/** A record, or undefined for a comment: a line that begins with `#` and, unless a column follows at once, is no record. */
function orComment<T>(line: string, parse: () => T): T | undefined {
  if (!line.startsWith('#')) return parse();
  if (/^#(\s|#|$)/.test(line)) return undefined;
  try {
    return parse();
  } catch (error) {
    if (error instanceof BadLine) return undefined;
    throw error;
  }
}

/** The name of the first column, if a table has a header. */
export const HEADER = /^"?(query|q)[-_ ]?id"?$/i;

/**
 * Streams judgements: TREC's `query iteration document level`, or three columns `query document level` as in BEIR's
 * tables, whose header `query-id corpus-id score` is skipped. A level may be written `1.0`. Lines that begin
 * with `#` and are not judgements are comments. JSON lines and Parquet files have the names of BEIR's header
 * (or `query_id`, `qid`; `corpus_id`, `docid`, `docno`, …; `score`, `relevance`, `label`).
 */
export function readQrels(path: string, options?: ReadOptions): Records<Judgement> {
  return recordsOf(path, judgementParser(), QRELS_COLUMNS, judgementRow, options);
}

/** The parser of a line of judgements; the first line may be a header. */
export function judgementParser(): (line: string, number: number) => Judgement | undefined {
  return (line, number) => orComment(line, () => parseJudgement(line, number));
}

function parseJudgement(line: string, number: number): Judgement | undefined {
  if (line.startsWith('{')) return judgementRow(pickFields(parseObject(line), QRELS_COLUMNS));
  // If there are enough tabs, they alone separate the columns, so that BEIR ids may contain spaces.
  const byTab = line.split('\t', 5).map((column) => column.trim());
  const columns = byTab.length === 3 || byTab.length === 4 ? byTab : columnsOf(line, 5);
  if ((columns.length !== 3 && columns.length !== 4) || columns.includes('')) {
    throw new BadLine('"query iteration document level" or "query document level"', excerpt(line));
  }
  if (number === 1 && HEADER.test(columns[0])) return undefined;
  const [qid, docid, level] = columns.length === 4 ? [columns[0], columns[2], columns[3]] : columns;
  return { qid, docid, level: parseInteger(level, 'level') };
}

/** The error for a repeated pair of query and document. */
export const listedTwice = (qid: string, docid: string): BadLine =>
  new BadLine(`document ${excerpt(docid)} once for query ${excerpt(qid)}`, 'it a second time');

/** Sets table[qid][docid]; rejects the line and returns false if the pair already exists. */
function enter<T>(
  table: Map<string, Map<string, number>>,
  records: Records<T>,
  qid: string,
  docid: string,
  value: number,
  room: Room,
): boolean {
  let row = table.get(qid);
  if (!row) {
    room.take(table, 'queries');
    table.set(qid, (row = new Map()));
  }
  if (row.has(docid)) {
    records.refuse(listedTwice(qid, docid));
    return false;
  }
  room.take(row, 'documents of a query');
  row.set(docid, value);
  return true;
}

/** The error for a line whose rank is needed. */
export const noRank = (): BadLine => new BadLine('a whole number as rank', 'something else, or no rank');

/** The error for a repeated rank of a query. */
export const rankAgain = (qid: string, rank: number): BadLine =>
  new BadLine(
    `each rank once for a query in "query document rank" (judgements are no run, and scores want a decimal point: ${rank}.0)`,
    `rank ${rank} of query ${excerpt(qid)} again`,
  );

/** The error for a file whose ranks only descend. */
export const onlyDescends = (path: string): DataError =>
  new DataError(
    path,
    0,
    'ranks, from the best on, in "query document rank"',
    'numbers that only descend, as scores do (write them with a decimal point, 31.0, and they are read as such)',
  );

/**
 * Detects a file of three columns whose integers are scores, not ranks: within a query they repeat, or only
 * descend.
 */
export class RankCheck {
  private ascends = false;
  private descents = 0;
  private last = new Map<string, number>();
  /** Ranks of the latest query, as long as its lines are consecutive. */
  private together: { qid?: string; ranks: Set<number> } = { ranks: new Set() };

  /** @throws BadLine at a rank that an earlier line of its query had */
  add({ qid, rank, byRank }: RunEntry): void {
    if (!byRank) return;
    const before = this.last.get(qid);
    if (this.together.qid !== qid) this.together = { qid, ranks: new Set() };
    const again = this.together.ranks.has(rank);
    this.together.ranks.add(rank);
    if (before === rank || again) throw rankAgain(qid, rank);
    if (before !== undefined && before < rank) this.ascends = true;
    if (before !== undefined && before > rank) this.descents++;
    // One entry per query at most, as the table of the run has: that one says where room ends.
    if (before !== undefined || this.last.size < MOST_ENTRIES) this.last.set(qid, rank);
  }

  /** @throws DataError */
  end(path: string): void {
    if (this.descents >= 2 && !this.ascends) throw onlyDescends(path);
  }
}

/**
 * The table of a run's lines.
 *
 * @param order see loadRun
 */
export async function gatherRun(records: Records<RunEntry>, order: 'file' | 'rank' = 'file'): Promise<Run> {
  const scores = new Map<string, Map<string, number>>();
  /** For each query, in the order of its documents. */
  const ranks = new Map<string, number[]>();
  const check = new RankCheck();
  const room = new Room(
    records.path,
    'ckl-loss evaluate measures longer runs; TeacherScores holds their scores',
  );
  for await (const batch of records.batches())
    for (const entry of batch) {
      const { qid, docid, rank, score } = entry;
      try {
        check.add(entry);
        if (order === 'rank' && Number.isNaN(rank)) throw noRank();
      } catch (error) {
        records.refuse(error);
        continue;
      }
      if (!enter(scores, records, qid, docid, score, room) || order !== 'rank') continue;
      const before = ranks.get(qid);
      if (before) before.push(rank);
      else ranks.set(qid, [rank]);
    }
  check.end(records.path);
  if (order !== 'rank') return scores;
  for (const [qid, row] of scores) {
    const places = ranks.get(qid)!;
    const documents = [...row].map(([docid, score], i) => ({ docid, score, rank: places[i] }));
    documents.sort((a, b) => a.rank - b.rank);
    scores.set(qid, new Map(documents.map(({ docid, score }) => [docid, score])));
  }
  return scores;
}

/**
 * Reads whole judgements into a table.
 *
 * @throws DataError at the first bad line, and at a document that is judged twice for a query
 */
export async function loadQrels(path: string, options?: ReadOptions): Promise<Qrels> {
  const records = readQrels(path, options);
  const levels = new Map<string, Map<string, number>>();
  const room = new Room(path, 'readQrels gives them line by line, ckl-loss evaluate measures with more');
  for await (const batch of records.batches())
    for (const { qid, docid, level } of batch) enter(levels, records, qid, docid, level, room);
  return levels;
}

/**
 * Joins judgements, such as those of all splits of a folder: a query may be judged in several of them.
 *
 * @param parts each with the name of its file, for errors
 * @throws DataError for a document that two parts judge differently for one query; with `skipBad` the first level holds, and it is counted
 */
export function mergeQrels(
  parts: Iterable<readonly [file: string, qrels: Qrels]>,
  options: ReadOptions = {},
): Qrels {
  const merged = new Map<string, Map<string, number>>();
  for (const [file, qrels] of parts) {
    for (const [qid, levels] of qrels) {
      const row = merged.get(qid) ?? new Map<string, number>();
      merged.set(qid, row);
      for (const [docid, level] of levels) {
        const known = row.get(docid);
        if (known === undefined) row.set(docid, level);
        if (known === undefined || known === level) continue;
        const pair = `document ${excerpt(docid)} of query ${excerpt(qid)}`;
        const error = new DataError(
          file,
          0,
          `level ${known} of ${pair}, as another file has it`,
          `level ${level}`,
        );
        if (!options.skipBad) throw error;
        options.onSkip?.(error);
      }
    }
  }
  return merged;
}

/**
 * One line of a run file, without its end.
 *
 * @throws RangeError for an id that is empty or contains white space, which is a separator
 */
export function formatRunLine({ qid, docid, rank, score, tag }: RunEntry): string {
  for (const id of [qid, docid])
    if (!/^\S+$/.test(id))
      throw new RangeError(`a TREC run holds ids without white space, not ${excerpt(id)}`);
  return `${qid} Q0 ${docid} ${rank} ${score} ${tag}`.trimEnd();
}
