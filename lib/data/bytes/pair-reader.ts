// Reads lines of pairs as lists: one query in memory if its lines are consecutive, otherwise all lines.
import { BadLine } from '../errors.js';
import { GatheredPairs } from './gathered-pairs.js';
import { ByteIds } from './ids.js';
import type { ListReader, MakeReader } from './lists.js';
import { PairLines } from './pair-lines.js';
import { PairLists, type PairForm, type PairLine } from './pair-lists.js';
import { standTogether } from './pairs-together.js';

/**
 * A reader of such a form. A file is read twice, first to find out whether the lines of each query are
 * consecutive.
 */
export const pairReader =
  (form: PairForm): MakeReader =>
  async (take, refuse, maxLineBytes, path) => {
    const lists = new PairLists(form, take, refuse);
    return (await standTogether(path, form, maxLineBytes))
      ? new TogetherReader(form, maxLineBytes, lists)
      : new ApartReader(form, maxLineBytes, lists);
  };

/** Reads lines in which those of a query are consecutive. */
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

  protected pair(one: PairLine): void {
    this.lists.add(one);
  }

  end(): void {
    this.lists.end();
  }
}

/** Keeps all lines, and then processes those of each query: errors in pairs are found query by query. */
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

  protected pair(one: PairLine): void {
    this.lineOf.add(this.code, one);
  }

  *end(): Generator<void> {
    const { queries, lists, lineOf } = this;
    for (let query = 0; query < queries.count; query++) {
      lists.query(queries.all, queries.startOf(query), queries.endOf(query));
      lineOf.each(query, (one) => {
        try {
          lists.add(one);
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
