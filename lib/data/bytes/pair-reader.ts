// Lines of pairs at bytes, a positive with a negative, as lists: one query in memory where its lines stand together, otherwise all.
import { stat } from 'node:fs/promises';
import { BadLine } from '../errors.js';
import { openBytes } from '../lines.js';
import { ByteList } from './byte-list.js';
import { Columns } from './columns.js';
import { ByteIds, encodeIds } from './ids.js';
import type { ListReader, MakeReader } from './lists.js';
import { decimal } from './number.js';
import { readRegions, textOf, type LineReader } from './regions.js';
import { LinesApart } from './run-lines.js';
import { Sides } from './sides.js';

/** A line. */
export interface Pair {
  qid: string;
  positive: string;
  negative: string;
  /** The scores of both, or how far apart they are. */
  numbers: readonly number[];
}

/** How a form of pairs is read. */
export interface PairForm {
  /** The places of the columns. */
  columns: { query: number; positive: number; negative: number; numbers: readonly number[] };
  /** @throws BadLine */
  parse(line: string): Pair;
  /** What becomes of the numbers, for one file. */
  rule(sides: Sides): PairRule;
}

/** Codes of a query and of two of its documents. */
export interface PairCodes {
  query: number;
  positive: number;
  negative: number;
}

export interface PairRule {
  /** Enters both documents. @throws BadLine for a pair that those before contradict */
  add(pair: PairCodes, numbers: ArrayLike<number>): void;
  /** Sets the numbers of a query's entries to their scores. @throws BadLine where these are not known */
  settle(query: number, entries: readonly number[]): void;
}

/** A reader of such a form; a file is read twice, first to see whether the lines of each query stand together. */
export const pairReader =
  (form: PairForm): MakeReader =>
  async (take, refuse, maxLineBytes, path) =>
    new PairReader(form, await standTogether(path, form, maxLineBytes), take, refuse, maxLineBytes);

/** Cuts lines into columns, and the uncommon ones into texts. */
abstract class PairLines implements LineReader {
  lines = 0;
  private readonly columns = new Columns();
  private readonly width: number;
  private readonly values: Float64Array;

  constructor(
    private readonly form: PairForm,
    private readonly maxLineBytes: number,
  ) {
    const { numbers } = form.columns;
    this.width = 3 + numbers.length;
    this.values = new Float64Array(numbers.length);
  }

  read(bytes: Buffer, from: number, to: number): void {
    const { columns } = this;
    for (let at = from; at < to;) {
      const start = at;
      at = columns.read(bytes, start);
      this.lines++;
      if (columns.count === 0) continue;
      try {
        if (!this.readColumns(bytes, at - start)) this.readText(bytes, start, at - 1);
      } catch (error) {
        if (!(error instanceof BadLine)) throw error;
        this.refuse(error);
      }
    }
  }

  /** @returns false where the line is not of a common kind */
  private readColumns(bytes: Buffer, length: number): boolean {
    const { count, gaps, starts, ends } = this.columns;
    const { query, positive, negative, numbers } = this.form.columns;
    if (count !== this.width || gaps || length > this.maxLineBytes) return false;
    for (let i = 0; i < numbers.length; i++) {
      const value = decimal(bytes, starts[numbers[i]], ends[numbers[i]], false);
      if (Number.isNaN(value)) return false;
      this.values[i] = value;
    }
    this.query(bytes, starts[query], ends[query]);
    const [at, to] = [starts[positive], ends[positive]];
    this.pair(bytes, at, to, starts[negative], ends[negative], this.values);
    return true;
  }

  private readText(bytes: Buffer, start: number, end: number): void {
    const line = textOf(bytes, start, end, this.maxLineBytes);
    if (line.trim() === '') return;
    const { qid, positive, negative, numbers } = this.form.parse(line);
    const query = encodeIds(qid);
    this.query(query.bytes, 0, query.middle);
    const ids = encodeIds(positive, negative);
    this.pair(ids.bytes, 0, ids.middle, ids.middle, ids.bytes.length, numbers);
  }

  abstract refuse(problem: BadLine): void;
  protected abstract query(bytes: Uint8Array, start: number, end: number): void;
  /** Both documents of a line, whose query came before. @throws BadLine */
  protected abstract pair(
    bytes: Uint8Array,
    start: number,
    end: number,
    negativeStart: number,
    negativeEnd: number,
    numbers: ArrayLike<number>,
  ): void;
}

class PairReader extends PairLines implements ListReader {
  private readonly sides = new Sides();
  private readonly rule: PairRule;
  private readonly list = new ByteList();
  private readonly codes: PairCodes = { query: -1, positive: -1, negative: -1 };

  constructor(
    form: PairForm,
    private readonly together: boolean,
    private readonly take: (list: ByteList) => void,
    private readonly refuseLine: (problem: BadLine, line: number) => void,
    maxLineBytes: number,
  ) {
    super(form, maxLineBytes);
    this.rule = form.rule(this.sides);
    this.list.labels = new Uint8Array(1024);
  }

  refuse(problem: BadLine): void {
    this.refuseLine(problem, this.lines);
  }

  protected query(bytes: Uint8Array, start: number, end: number): void {
    const { sides, codes } = this;
    const { queries } = sides;
    if (codes.query >= 0 && queries.is(codes.query, bytes, start, end)) return;
    if (this.together && codes.query >= 0) {
      this.end();
      sides.clear();
    }
    codes.query = queries.intern(bytes, start, end);
  }

  protected pair(
    bytes: Uint8Array,
    start: number,
    end: number,
    negativeStart: number,
    negativeEnd: number,
    numbers: ArrayLike<number>,
  ): void {
    const { codes } = this;
    const { documents } = this.sides;
    codes.positive = documents.intern(bytes, start, end);
    codes.negative = documents.intern(bytes, negativeStart, negativeEnd);
    this.rule.add(codes, numbers);
  }

  /** Hands out all lists that are gathered, positives first. */
  end(): void {
    const { sides, rule, list } = this;
    for (const { query, entries } of sides.lists()) {
      try {
        rule.settle(query, entries);
      } catch (error) {
        if (!(error instanceof BadLine)) throw error;
        // Of no one line.
        this.refuseLine(error, 0);
        continue;
      }
      const id = sides.queries.bytesOf(query);
      list.begin(id, 0, id.length);
      for (const side of [1, 0] as const)
        for (const entry of entries) if (sides.side(entry) === side) this.enter(entry, side);
      this.take(list);
    }
  }

  private enter(entry: number, side: 0 | 1): void {
    const { sides, list } = this;
    const id = sides.documents.bytesOf(sides.document(entry));
    list.addTo(side, id, sides.number(entry));
  }
}

/** Ends with {@link LinesApart} at a query that comes back. */
class QueryCheck extends PairLines {
  private readonly queries = new ByteIds();
  private last = -1;

  refuse(): void {}

  protected query(bytes: Uint8Array, start: number, end: number): void {
    const { queries, last } = this;
    if (last >= 0 && queries.is(last, bytes, start, end)) return;
    const { count } = queries;
    this.last = queries.intern(bytes, start, end);
    if (this.last < count) throw new LinesApart();
  }

  protected pair(): void {}
}

/** Whether the lines of each query stand together; of a pipe, which cannot be read twice, it is not known. */
async function standTogether(path: string, form: PairForm, maxLineBytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  try {
    await readRegions(openBytes(path), new QueryCheck(form, maxLineBytes), maxLineBytes);
    return true;
  } catch (error) {
    if (error instanceof LinesApart) return false;
    throw error;
  }
}
