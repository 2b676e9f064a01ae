// Turns the pairs of a query into its list: the meaning of a form's numbers, and the documents of one query
// in memory.
import { BadLine } from '../errors.js';
import { ByteList } from './byte-list.js';
import { Sides } from './sides.js';

/** A line. */
export interface Pair {
  qid: string;
  positive: string;
  negative: string;
  /** The scores of both documents, or their difference. */
  numbers: readonly number[];
}

/** A line at bytes: where its ids lie, and its numbers. One object serves all lines of a reader. */
export interface PairLine {
  line: number;
  bytes: Uint8Array;
  start: number;
  end: number;
  negativeBytes: Uint8Array;
  negativeStart: number;
  negativeEnd: number;
  numbers: ArrayLike<number>;
}

export function newPairLine(numbers: ArrayLike<number>): PairLine {
  const bytes = new Uint8Array(0);
  const negative = { negativeBytes: bytes, negativeStart: 0, negativeEnd: 0 };
  return { line: 0, bytes, start: 0, end: 0, ...negative, numbers };
}

/** How a form of pairs is read. */
export interface PairForm {
  /** The places of the columns. */
  columns: { query: number; positive: number; negative: number; numbers: readonly number[] };
  /** @throws BadLine */
  parse(line: string): Pair;
  /** Interprets the numbers of one file. */
  rule(sides: Sides): PairRule;
}

/**
 * Derives the scores of a query's documents, which are codes of its {@link Sides}, from the numbers of its
 * pairs.
 */
export interface PairRule {
  /** Adds both documents. @throws BadLine for a pair that contradicts earlier ones */
  add(positive: number, negative: number, numbers: ArrayLike<number>): void;
  /** Sets the numbers of all added documents to their scores. @throws BadLine if these are unknown */
  settle(): void;
}

/** Gathers the pairs of one query after the other, and passes on their lists. */
export class PairLists {
  private readonly sides = new Sides();
  private readonly rule: PairRule;
  private readonly list = new ByteList();
  /** The positive of the line before, -1 for a query's first. */
  private positive = -1;

  constructor(
    form: PairForm,
    private readonly take: (list: ByteList) => void,
    readonly refuse: (problem: BadLine, line: number) => void,
  ) {
    this.rule = form.rule(this.sides);
    this.list.labels = new Uint8Array(1024);
  }

  /** Starts another query; the list of the previous one has been passed on. */
  query(bytes: Uint8Array, start: number, end: number): void {
    this.sides.begin(bytes, start, end);
    this.positive = -1;
  }

  /** Whether the id is that of the query that pairs are added to. */
  isQuery(bytes: Uint8Array, start: number, end: number): boolean {
    return this.sides.isQuery(bytes, start, end);
  }

  /** @throws BadLine for a pair that contradicts earlier ones */
  add({ bytes, start, end, negativeBytes, negativeStart, negativeEnd, numbers }: PairLine): void {
    const { sides } = this;
    // Many pairs in a row have one positive.
    if (this.positive < 0 || !sides.documents.is(this.positive, bytes, start, end))
      this.positive = sides.intern(bytes, start, end);
    this.rule.add(this.positive, sides.intern(negativeBytes, negativeStart, negativeEnd), numbers);
  }

  /** Passes on the query's list, positives first. */
  end(): void {
    const { sides } = this;
    if (sides.count === 0) return;
    try {
      this.rule.settle();
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      // Not about a single line.
      return this.refuse(error, 0);
    }
    const { queryBytes } = sides;
    this.list.begin(queryBytes, 0, queryBytes.length);
    this.copy(1);
    this.copy(0);
    this.take(this.list);
  }

  /** Adds the documents of a side to the list. */
  private copy(side: 0 | 1): void {
    const { sides, list } = this;
    const { documents, count } = sides;
    for (let place = 0; place < count; place++) {
      const document = sides.at(place);
      if (sides.side(document) === side) list.addTo(side, documents, document, sides.number(document));
    }
  }
}
