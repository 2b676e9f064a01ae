// Lines of pairs at bytes, a positive with a negative, as lists: one query in memory where its lines stand together, otherwise all lines.
import { stat } from 'node:fs/promises';
import { BadLine } from '../errors.js';
import { openBytes } from '../lines.js';
import { Columns } from './columns.js';
import { GatheredPairs } from './gathered-pairs.js';
import { ByteIds, encodeIds } from './ids.js';
import type { ListReader, MakeReader } from './lists.js';
import { decimal } from './number.js';
import { PairLists, type PairForm } from './pair-lists.js';
import { readRegions, textOf, type LineReader } from './regions.js';
import { LinesApart } from './run-lines.js';

/** A reader of such a form; a file is read twice, first to see whether the lines of each query stand together. */
export const pairReader =
  (form: PairForm): MakeReader =>
  async (take, refuse, maxLineBytes, path) => {
    const lists = new PairLists(form, take, refuse);
    return (await standTogether(path, form, maxLineBytes))
      ? new TogetherReader(form, maxLineBytes, lists)
      : new ApartReader(form, maxLineBytes, lists);
  };

/** Cuts lines into columns, and the uncommon ones into texts. */
abstract class PairLines implements LineReader {
  lines = 0;
  private readonly columns = new Columns();
  private readonly width: number;
  private readonly values: Float64Array;

  /** @param readNumbers false where they do not matter */
  constructor(
    private readonly form: PairForm,
    private readonly maxLineBytes: number,
    private readonly readNumbers = true,
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
    for (let i = 0; this.readNumbers && i < numbers.length; i++) {
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

/** Reads lines of which those of a query stand together. */
class TogetherReader extends PairLines implements ListReader {
  constructor(
    form: PairForm,
    maxLineBytes: number,
    private readonly lists: PairLists,
  ) {
    super(form, maxLineBytes);
  }

  refuse(problem: BadLine): void {
    this.lists.refuse(problem, this.lines);
  }

  protected query(bytes: Uint8Array, start: number, end: number): void {
    const { lists } = this;
    if (lists.isQuery(bytes, start, end)) return;
    lists.end();
    lists.query(bytes, start, end);
  }

  protected pair(
    bytes: Uint8Array,
    start: number,
    end: number,
    negativeStart: number,
    negativeEnd: number,
    numbers: ArrayLike<number>,
  ): void {
    this.lists.add(bytes, start, end, bytes, negativeStart, negativeEnd, numbers);
  }

  end(): void {
    this.lists.end();
  }
}

/** Keeps all lines, and goes through those of each query once all are there: what is wrong with pairs is found by query. */
class ApartReader extends PairLines implements ListReader {
  private readonly queries = new ByteIds();
  private readonly lineOf: GatheredPairs;
  private code = -1;

  constructor(
    form: PairForm,
    maxLineBytes: number,
    private readonly lists: PairLists,
  ) {
    super(form, maxLineBytes);
    this.lineOf = new GatheredPairs(form.columns.numbers.length);
  }

  refuse(problem: BadLine): void {
    this.lists.refuse(problem, this.lines);
  }

  protected query(bytes: Uint8Array, start: number, end: number): void {
    this.code = this.queries.intern(bytes, start, end);
  }

  protected pair(
    bytes: Uint8Array,
    start: number,
    end: number,
    negativeStart: number,
    negativeEnd: number,
    numbers: ArrayLike<number>,
  ): void {
    this.lineOf.add(this.code, this.lines, bytes, start, end, negativeStart, negativeEnd, numbers);
  }

  *end(): Generator<void> {
    const { queries, lists, lineOf } = this;
    for (let query = 0; query < queries.count; query++) {
      lists.query(queries.all, queries.startOf(query), queries.endOf(query));
      lineOf.each(query, (one) => {
        const { bytes, start, end, negativeBytes, negativeStart, negativeEnd } = one;
        try {
          lists.add(bytes, start, end, negativeBytes, negativeStart, negativeEnd, one.numbers);
        } catch (error) {
          if (!(error instanceof BadLine)) throw error;
          lists.refuse(error, one.line);
        }
      });
      lists.end();
      yield;
    }
  }
}

/** Ends with {@link LinesApart} at a query that comes back. */
class QueryCheck extends PairLines {
  private readonly queries = new ByteIds();
  private last = -1;

  constructor(form: PairForm, maxLineBytes: number) {
    super(form, maxLineBytes, false);
  }

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
