// The rows of a table at bytes, as the reader of texts in ../forms/rows.ts has them, gathered as long as the query stays the same.
import { BadLine } from '../errors.js';
import { rowParser, scoredTwice, splitCommas, splitTabs, type Header } from '../forms/rows.js';
import { ByteList } from './byte-list.js';
import { Cells } from './cells.js';
import { decodeId, encodeIds } from './ids.js';
import type { ListReader } from './lists.js';
import { decimal } from './number.js';
import { textOf } from './regions.js';

export class RowReader implements ListReader {
  lines = 0;
  private readonly cells: Cells;
  private readonly header: Header = {};
  private readonly parse: ReturnType<typeof rowParser>;
  private readonly list = new ByteList();

  constructor(
    separator: '\t' | ',',
    private readonly take: (list: ByteList) => void,
    private readonly refuseLine: (problem: BadLine, line: number) => void,
    private readonly maxLineBytes: number,
  ) {
    this.cells = new Cells(separator);
    this.parse = rowParser(separator === ',' ? splitCommas : splitTabs, this.header);
  }

  refuse(problem: BadLine): void {
    this.refuseLine(problem, this.lines);
  }

  read(bytes: Buffer, from: number, to: number): void {
    const { cells } = this;
    for (let at = from; at < to;) {
      const start = at;
      at = cells.read(bytes, start);
      this.lines++;
      if (cells.count !== 0 && !this.readCells(bytes, at - start)) this.readText(bytes, start, at - 1);
    }
  }

  /** @returns false where the row is not of a common kind */
  private readCells(bytes: Buffer, length: number): boolean {
    const { count, starts, ends } = this.cells;
    const { columns, width } = this.header;
    if (!columns || count !== width || length > this.maxLineBytes) return false;
    const { query, document, score } = columns;
    const value = decimal(bytes, starts[score], ends[score], false);
    if (Number.isNaN(value)) return false;
    this.enter(bytes, starts[query], ends[query], starts[document], ends[document], value);
    return true;
  }

  private readText(bytes: Buffer, start: number, end: number): void {
    try {
      const line = textOf(bytes, start, end, this.maxLineBytes);
      const row = line.trim() === '' ? undefined : this.parse(line);
      if (!row) return;
      const ids = encodeIds(row.qid, row.docid);
      this.enter(ids.bytes, 0, ids.middle, ids.middle, ids.bytes.length, row.score);
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      this.refuse(error);
    }
  }

  private enter(
    bytes: Uint8Array,
    queryStart: number,
    queryEnd: number,
    start: number,
    end: number,
    score: number,
  ): void {
    const { list } = this;
    if (!list.isQuery(bytes, queryStart, queryEnd)) {
      this.end();
      list.begin(bytes, queryStart, queryEnd);
    }
    const { count } = list;
    const place = list.add(bytes, start, end, score);
    const known = list.scores[place];
    if (place < count && known !== score)
      this.refuse(scoredTwice(list.qid, decodeId(bytes.subarray(start, end)), known, score));
  }

  end(): void {
    if (this.list.count > 0) this.take(this.list);
  }
}
