// Reads the rows of a table as bytes, like the string reader in ../forms/rows.ts, and gathers them as long as
// the query stays the same.
import type { BadLine } from '../errors.js';
import { rowParser, scoredTwice, splitCommas, splitTabs, type Header } from '../forms/rows.js';
import { ByteList } from './byte-list.js';
import { Cells } from './cells.js';
import { CutLines } from './cut-lines.js';
import { decodeId, encodeIds } from './ids.js';
import type { ListReader } from './lists.js';
import { decimal } from './number.js';

export class RowReader extends CutLines<Cells> implements ListReader {
  private readonly header: Header = {};
  private readonly parse: ReturnType<typeof rowParser>;
  private readonly list = new ByteList();

  constructor(
    separator: '\t' | ',',
    private readonly take: (list: ByteList) => void,
    private readonly refuseLine: (problem: BadLine, line: number) => void,
    maxLineBytes: number,
  ) {
    super(new Cells(separator), maxLineBytes);
    this.parse = rowParser(separator === ',' ? splitCommas : splitTabs, this.header);
  }

  refuse(problem: BadLine): void {
    this.refuseLine(problem, this.lines);
  }

  protected readColumns(bytes: Buffer): boolean {
    const { count, starts, ends } = this.cut;
    const { columns, width } = this.header;
    if (!columns || count !== width) return false;
    const { query, document, score } = columns;
    const value = decimal(bytes, starts[score], ends[score], false);
    if (Number.isNaN(value)) return false;
    this.enter(bytes, starts[query], ends[query], starts[document], ends[document], value);
    return true;
  }

  protected readText(line: string): void {
    const row = this.parse(line);
    if (!row) return;
    const ids = encodeIds(row.qid, row.docid);
    this.enter(ids.bytes, 0, ids.middle, ids.middle, ids.bytes.length, row.score);
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
