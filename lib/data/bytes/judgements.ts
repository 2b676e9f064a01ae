// Reads judgements as bytes: coded ids of queries and documents, rows in typed arrays.
import type { Qrels } from '../../metrics/types.js';
import type { BadLine } from '../errors.js';
import { LONGEST_LINE } from '../lines.js';
import type { ReadOptions } from '../records.js';
import { judgementParser, listedTwice, loadQrels } from '../trec.js';
import { Columns } from './columns.js';
import { CutLines } from './cut-lines.js';
import { grown } from './grow.js';
import { ByteIds, decodeId, encodeIds, pairHash } from './ids.js';
import { wholeNumber } from './number.js';
import { openRegions, readRegions, Refusals } from './regions.js';

/** Judgements of all queries, 24 bytes per row in addition to the ids: queries in the order of the file, the rows of a query together. */
export class Judgements {
  /** Row at which each query begins; one more, for the end. */
  readonly begins: Uint32Array;
  /** The codes of documents, by rows. */
  readonly documents: Uint32Array;
  readonly levels: Float64Array;

  private constructor(
    readonly queries: ByteIds,
    readonly ids: ByteIds,
    rows: Rows,
  ) {
    const { count, queryOf, documentOf, levelOf } = rows;
    this.begins = new Uint32Array(queries.count + 1);
    for (let row = 0; row < count; row++) this.begins[queryOf[row] + 1]++;
    for (let q = 0; q < queries.count; q++) this.begins[q + 1] += this.begins[q];
    const next = this.begins.slice(0, -1);
    this.documents = new Uint32Array(count);
    this.levels = new Float64Array(count);
    for (let row = 0; row < count; row++) {
      const at = next[queryOf[row]]++;
      this.documents[at] = documentOf[row];
      this.levels[at] = levelOf[row];
    }
  }

  /** The same judgements as in a table. */
  static of(qrels: Qrels): Judgements {
    const rows = new Rows();
    for (const [qid, levels] of qrels) {
      const query = encodeIds(qid);
      rows.queries.intern(query.bytes, 0, query.middle);
      for (const [docid, level] of levels) {
        const { bytes, middle } = encodeIds(qid, docid);
        rows.add(bytes, 0, middle, middle, bytes.length, level);
      }
    }
    return new Judgements(rows.queries, rows.documents, rows);
  }

  /**
   * Reads what {@link loadQrels} reads, with the same errors.
   *
   * @throws DataError
   */
  static async load(path: string, options: ReadOptions = {}): Promise<Judgements> {
    const file = await openRegions(path);
    if (!file) return Judgements.of(await loadQrels(path, options));
    const maxLineBytes = options.maxLineBytes ?? LONGEST_LINE;
    const reader = new JudgementReader(new Refusals(path, options), maxLineBytes);
    await readRegions(file, reader, maxLineBytes);
    const { rows } = reader;
    return new Judgements(rows.queries, rows.documents, rows);
  }
}

/** Rows as they come. */
class Rows {
  readonly queries = new ByteIds();
  readonly documents = new ByteIds();
  count = 0;
  queryOf = new Uint32Array(1024);
  documentOf = new Uint32Array(1024);
  levelOf = new Float64Array(1024);
  /** Row + 1 by the hash of query and document; 0 is free. */
  private slots = new Uint32Array(2048);

  /** @returns false if the query has already judged the document */
  add(
    bytes: Uint8Array,
    queryStart: number,
    queryEnd: number,
    start: number,
    end: number,
    level: number,
  ): boolean {
    const query = this.queries.intern(bytes, queryStart, queryEnd);
    const document = this.documents.intern(bytes, start, end);
    const mask = this.slots.length - 1;
    let slot = pairHash(query, document) & mask;
    for (let row = this.slots[slot]; row !== 0; row = this.slots[(slot = (slot + 1) & mask)])
      if (this.queryOf[row - 1] === query && this.documentOf[row - 1] === document) return false;
    if (this.count === this.queryOf.length) this.grow();
    this.queryOf[this.count] = query;
    this.documentOf[this.count] = document;
    this.levelOf[this.count] = level;
    this.slots[slot] = ++this.count;
    if (2 * this.count > this.slots.length) this.spread();
    return true;
  }

  private grow(): void {
    this.queryOf = grown(this.queryOf, this.count + 1);
    this.documentOf = grown(this.documentOf, this.count + 1);
    this.levelOf = grown(this.levelOf, this.count + 1);
  }

  private spread(): void {
    this.slots = new Uint32Array(2 * this.slots.length);
    const mask = this.slots.length - 1;
    for (let row = 0; row < this.count; row++) {
      let slot = pairHash(this.queryOf[row], this.documentOf[row]) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = row + 1;
    }
  }
}

class JudgementReader extends CutLines<Columns> {
  readonly rows = new Rows();
  private readonly parse = judgementParser();

  constructor(
    private readonly refusals: Refusals,
    maxLineBytes: number,
  ) {
    super(new Columns(), maxLineBytes);
  }

  refuse(problem: BadLine): void {
    this.refusals.refuse(problem, this.lines);
  }

  protected readColumns(bytes: Buffer): boolean {
    const { count, starts, ends, gaps, tabs } = this.cut;
    // The first line may be a header.
    if ((count !== 3 && count !== 4) || (tabs && gaps) || this.lines === 1) return false;
    const level = wholeNumber(bytes, starts[count - 1], ends[count - 1]);
    if (Number.isNaN(level)) return false;
    this.enter(bytes, starts[0], ends[0], starts[count - 2], ends[count - 2], level);
    return true;
  }

  protected readText(line: string): void {
    const judgement = this.parse(line, this.lines);
    if (!judgement) return;
    const { bytes: ids, middle } = encodeIds(judgement.qid, judgement.docid);
    this.enter(ids, 0, middle, middle, ids.length, judgement.level);
  }

  private enter(
    bytes: Uint8Array,
    queryStart: number,
    queryEnd: number,
    start: number,
    end: number,
    level: number,
  ): void {
    if (!this.rows.add(bytes, queryStart, queryEnd, start, end, level))
      this.refuse(
        listedTwice(decodeId(bytes.subarray(queryStart, queryEnd)), decodeId(bytes.subarray(start, end))),
      );
  }
}
