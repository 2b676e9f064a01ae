// The parts of a run that measures need: the ranks of judged documents. Everything else is dropped as soon as
// a query is complete.
import type { Convention, Placed, RankedRun } from '../../metrics/index.js';
import { grown } from './grow.js';
import type { ByteIds } from './ids.js';
import type { Judgements } from './judgements.js';
import type { CompleteLines, Lines } from './run-lines.js';

/** The ranks of judged documents, by query of the judgements. */
export class JudgedRanks implements RankedRun, CompleteLines {
  readonly queries: number;
  /** Queries that the run lists and the judgements judge. */
  shared = 0;
  /** Queries of the run without judgements. */
  unjudged = 0;
  /** Shared queries that list a document with their own id that is not judged relevant. */
  identical = 0;
  private readonly listed: Uint8Array;
  /** Where a query's entries begin, and how many there are. */
  private readonly begins: Uint32Array;
  private readonly counts: Uint32Array;
  /** Rank of the document with the query's own id; 0 for none. */
  private readonly own: Uint32Array;
  /** Ranks and levels of the entries, best first within a query. */
  private ranks = new Uint32Array(1024);
  private levels = new Float64Array(1024);
  private entries = 0;
  private order = new Uint32Array(64);
  private before = new Uint32Array(64);
  private judgedRow = new Int32Array(64);

  constructor(
    private readonly judgements: Judgements,
    private readonly convention: Convention,
  ) {
    this.queries = judgements.queries.count;
    this.listed = new Uint8Array(this.queries);
    this.begins = new Uint32Array(this.queries);
    this.counts = new Uint32Array(this.queries);
    this.own = new Uint32Array(this.queries);
  }

  qid(query: number): string {
    return this.judgements.queries.text(query);
  }

  lists(query: number): boolean {
    return this.listed[query] === 1;
  }

  judged(query: number): Float64Array {
    const { begins, levels } = this.judgements;
    return levels.subarray(begins[query], begins[query + 1]);
  }

  placed(query: number, ignoreIdentical: boolean): Placed {
    const [from, to] = [this.begins[query], this.begins[query] + this.counts[query]];
    const ranks = this.ranks.subarray(from, to);
    const levels = this.levels.subarray(from, to);
    const judged = this.judged(query);
    const own = ignoreIdentical ? this.own[query] : 0;
    if (own === 0) return { ranks, levels, judged };
    const left = [...ranks.keys()].filter((i) => ranks[i] !== own);
    return {
      ranks: left.map((i) => ranks[i] - (ranks[i] > own ? 1 : 0)),
      levels: left.map((i) => levels[i]),
      judged,
    };
  }

  /** Judged queries that the run lacks. */
  get missing(): number {
    return this.queries - this.shared;
  }

  take(queries: ByteIds, code: number, documents: ByteIds, lines: Lines): void {
    const { judgements } = this;
    const query = judgements.queries.findIn(queries, code);
    if (query < 0) {
      this.unjudged++;
      return;
    }
    this.listed[query] = 1;
    this.shared++;
    const lineOf = (document: number): number =>
      document < 0 ? -1 : lines.lineOf ? lines.lineOf[document] - 1 : document;
    const [begin, end] = [judgements.begins[query], judgements.begins[query + 1]];
    this.order = grown(this.order, end - begin + 1);
    this.before = grown(this.before, end - begin + 1);
    const own = lineOf(documents.findIn(queries, code));
    let ownLevel: number | undefined;
    let count = 0;
    for (let row = begin; row < end; row++) {
      const line = lineOf(documents.findIn(judgements.ids, judgements.documents[row]));
      if (line < 0) continue;
      if (line === own) ownLevel = judgements.levels[row];
      this.enter(count++, line, row);
    }
    if (own >= 0 && !(ownLevel !== undefined && ownLevel > 0)) this.identical++;
    if (own >= 0 && ownLevel === undefined) this.enter(count++, own, -1);
    this.rank(documents, lines, count);
    this.store(query, own, count);
  }

  private enter(at: number, line: number, row: number): void {
    this.judgedRow = grown(this.judgedRow, line + 1);
    this.order[at] = line;
    this.judgedRow[line] = row;
  }

  /**
   * Sorts the judged lines, best first, and counts for each the lines that precede it but not the one above.
   */
  private rank(documents: ByteIds, { count: all, documents: codes, keys }: Lines, count: number): void {
    const { before } = this;
    const listed = this.convention === 'msmarco';
    const codeOf = (line: number): number => (codes ? codes[line] : line);
    const precedes = (a: number, b: number): boolean =>
      keys[a] > keys[b] ||
      (keys[a] === keys[b] && (listed ? a < b : documents.compare(codeOf(a), codeOf(b)) > 0));
    const order = this.order.subarray(0, count);
    if (count > 1) order.sort((a, b) => (a === b ? 0 : precedes(a, b) ? -1 : 1));
    before.fill(0, 0, count);
    if (count === 0) return;
    const worst = order[count - 1];
    const lowest = keys[worst];
    for (let line = 0; line < all; line++) {
      // Most lines are below all judged ones.
      if (keys[line] < lowest) continue;
      if (!precedes(line, worst)) continue;
      let [low, high] = [0, count - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (precedes(line, order[middle])) high = middle;
        else low = middle + 1;
      }
      before[low]++;
    }
  }

  private store(query: number, own: number, count: number): void {
    this.ranks = grown(this.ranks, this.entries + count);
    this.levels = grown(this.levels, this.entries + count);
    this.begins[query] = this.entries;
    let rank = 1;
    for (let i = 0; i < count; i++) {
      rank += this.before[i];
      const line = this.order[i];
      if (line === own) this.own[query] = rank;
      const row = this.judgedRow[line];
      if (row < 0) continue;
      this.ranks[this.entries] = rank;
      this.levels[this.entries++] = this.judgements.levels[row];
    }
    this.counts[query] = this.entries - this.begins[query];
  }
}
