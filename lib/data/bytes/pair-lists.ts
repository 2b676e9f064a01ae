// Pairs of a query as its list: what a form of pairs says of their numbers, and the documents of one query in memory.
import { BadLine } from '../errors.js';
import { ByteList } from './byte-list.js';
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

/** Gathers pairs of queries, and hands out their lists. */
export class PairLists {
  private readonly sides = new Sides();
  private readonly rule: PairRule;
  private readonly list = new ByteList();
  private readonly codes: PairCodes = { query: -1, positive: -1, negative: -1 };

  constructor(
    form: PairForm,
    private readonly take: (list: ByteList) => void,
    readonly refuse: (problem: BadLine, line: number) => void,
  ) {
    this.rule = form.rule(this.sides);
    this.list.labels = new Uint8Array(1024);
  }

  /** Goes on with a query: with a new one where the one before has been handed out. */
  query(bytes: Uint8Array, start: number, end: number): void {
    this.codes.query = this.sides.queries.intern(bytes, start, end);
  }

  /** Whether the id is that of the query that pairs are added to. */
  isQuery(bytes: Uint8Array, start: number, end: number): boolean {
    const { query } = this.codes;
    return query >= 0 && this.sides.queries.is(query, bytes, start, end);
  }

  /** @throws BadLine for a pair that those before contradict */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    negativeBytes: Uint8Array,
    negativeStart: number,
    negativeEnd: number,
    numbers: ArrayLike<number>,
  ): void {
    const { codes } = this;
    const { documents } = this.sides;
    // Many pairs in a row have one positive.
    if (codes.positive < 0 || !documents.is(codes.positive, bytes, start, end))
      codes.positive = documents.intern(bytes, start, end);
    codes.negative = documents.intern(negativeBytes, negativeStart, negativeEnd);
    this.rule.add(codes, numbers);
  }

  /** Hands out the query's list, positives first, and forgets it. */
  end(): void {
    const { sides, rule, codes } = this;
    for (const { query, entries } of sides.lists()) {
      try {
        rule.settle(query, entries);
      } catch (error) {
        if (!(error instanceof BadLine)) throw error;
        // Of no one line.
        this.refuse(error, 0);
        continue;
      }
      this.handOut(query, entries);
    }
    sides.clear();
    codes.query = codes.positive = -1;
  }

  private handOut(query: number, entries: readonly number[]): void {
    const { sides, list } = this;
    const { queries, documents } = sides;
    list.begin(queries.all, queries.startOf(query), queries.endOf(query));
    for (const side of [1, 0] as const)
      for (const entry of entries)
        if (sides.side(entry) === side)
          list.addTo(side, documents, sides.document(entry), sides.number(entry));
    this.take(list);
  }
}
