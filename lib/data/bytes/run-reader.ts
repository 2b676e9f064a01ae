// Reads the lines of a run as bytes: queries, documents and ranking keys, like the string reader in
// ../trec.ts.
import type { Convention } from '../../metrics/index.js';
import type { BadLine } from '../errors.js';
import {
  listedTwice,
  noRank,
  rankAgain,
  runParser,
  onlyDescends,
  type RunEntry,
  type Third,
} from '../trec.js';
import { parseExtended } from '../values.js';
import { Columns } from './columns.js';
import { CutLines } from './cut-lines.js';
import { HeldId } from './held-id.js';
import { decodeId, encodeIds } from './ids.js';
import { decimal, wholeNumber } from './number.js';
import type { Refusals } from './regions.js';
import { ListedRanks } from './listed-ranks.js';
import type { RunLines } from './run-lines.js';

export class RunReader extends CutLines<Columns> {
  private readonly third: Third = {};
  private readonly parse = runParser(this.third);
  private readonly byRankColumn: boolean;
  private readonly single: boolean;
  /** The query of the line before, and its code. */
  private readonly query = new HeldId();
  private code = -1;
  private readonly listed = new ListedRanks();

  constructor(
    private readonly path: string,
    private readonly kept: RunLines,
    private readonly refusals: Pick<Refusals, 'refuse'>,
    convention: Convention,
    maxLineBytes: number,
  ) {
    super(new Columns(), maxLineBytes);
    this.byRankColumn = convention === 'msmarco';
    this.single = convention === 'trec_eval' || convention === 'trec_eval-9';
  }

  refuse(problem: BadLine): void {
    this.refusals.refuse(problem, this.lines);
  }

  protected readColumns(bytes: Buffer): boolean {
    const { cut } = this;
    const { count, starts, ends } = cut;
    if (count >= 5) {
      let key: number;
      if (this.byRankColumn) {
        key = -wholeNumber(bytes, starts[3], ends[3]);
        // The score is not needed, but must be one.
        if (Number.isNaN(key) || Number.isNaN(this.score(bytes, starts[4], ends[4], true))) return false;
      } else {
        key = this.score(bytes, starts[4], ends[4], this.single);
        if (Number.isNaN(key)) return false;
      }
      this.enter(bytes, starts[0], ends[0], starts[2], ends[2], cut.hash(2), key);
      return true;
    }
    if (count !== 3) return false;
    const rank = wholeNumber(bytes, starts[2], ends[2]);
    if (Number.isNaN(rank)) {
      // Scores under a rank convention, and the first line, are left to the other parser.
      if (this.third.is !== 'score' || this.byRankColumn) return false;
      const key = this.score(bytes, starts[2], ends[2], this.single);
      if (Number.isNaN(key)) return false;
      this.enter(bytes, starts[0], ends[0], starts[1], ends[1], cut.hash(1), key);
      return true;
    }
    if (this.third.is !== 'rank') return false;
    this.enter(bytes, starts[0], ends[0], starts[1], ends[1], cut.hash(1), -rank, rank);
    return true;
  }

  /** NaN where it is no score. */
  private score(bytes: Buffer, start: number, end: number, single: boolean): number {
    const value = decimal(bytes, start, end, single);
    if (!Number.isNaN(value)) return value;
    try {
      return parseExtended(bytes.toString('latin1', start, end), 'score');
    } catch {
      return NaN;
    }
  }

  protected readText(line: string): void {
    const entry = this.parse(line);
    if (entry) this.enterRecord(entry);
  }

  private enterRecord({ qid, docid, rank, score, byRank }: RunEntry): void {
    const { bytes, middle } = encodeIds(qid, docid);
    const key = this.byRankColumn ? -rank : score;
    this.enter(bytes, 0, middle, middle, bytes.length, undefined, key, byRank && rank);
  }

  /** @param listedRank of a line without a score */
  private enter(
    bytes: Uint8Array,
    queryStart: number,
    queryEnd: number,
    start: number,
    end: number,
    hash: number | undefined,
    key: number,
    listedRank?: number,
  ): void {
    if (!this.query.is(bytes, queryStart, queryEnd)) this.nextQuery(bytes, queryStart, queryEnd);
    if (listedRank !== undefined && !this.listed.add(this.code, listedRank))
      return this.refuse(rankAgain(decodeId(bytes.subarray(queryStart, queryEnd)), listedRank));
    if (Number.isNaN(key)) return this.refuse(noRank());
    if (this.kept.add(bytes, start, end, hash, this.single ? Math.fround(key) : key, this.lines)) return;
    const [qid, docid] = [
      decodeId(bytes.subarray(queryStart, queryEnd)),
      decodeId(bytes.subarray(start, end)),
    ];
    this.refuse(this.kept.refusal?.(qid, docid) ?? listedTwice(qid, docid));
  }

  private nextQuery(bytes: Uint8Array, start: number, end: number): void {
    this.query.hold(bytes, start, end);
    this.code = this.kept.begin(bytes, start, end);
  }

  /** Errors that can be detected only after the last line. @throws DataError */
  endLines(): void {
    this.kept.end(({ qid, docid, line }) => this.refusals.refuse(listedTwice(qid, docid), line));
  }

  /** @throws DataError */
  end(): void {
    this.endLines();
    if (this.listed.onlyDescends) throw onlyDescends(this.path);
  }
}
