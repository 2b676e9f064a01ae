// GPL's training file, a margin a line: lists of scores that have just these differences.
import type { Pair, PairCodes, PairForm, PairRule } from '../bytes/pair-lists.js';
import { grown } from '../bytes/grow.js';
import type { Sides } from '../bytes/sides.js';
import { BadLine, excerpt } from '../errors.js';
import { columnsOf, parseNumber } from '../values.js';

/** `query positive negative margin`, by tabs; spaces do as well where no id holds one. */
function parseMargin(line: string): Pair {
  const byTab = line.split('\t', 5).map((column) => column.trim());
  const columns = byTab.length === 4 ? byTab : columnsOf(line, 5);
  if (columns.length !== 4 || columns.includes(''))
    throw new BadLine('4 columns: query, positive, negative, margin', excerpt(line));
  const [qid, positive, negative, margin] = columns;
  return { qid, positive, negative, numbers: [parseNumber(margin, 'margin')] };
}

/** Float32 scores give margins that agree to about this much of their size. */
const TOLERANCE = 1e-4;

/**
 * Groups of documents of one query: the number of each is its score less that of the document that it hangs on, and the root of a group hangs on none. A
 * margin joins two groups, or is checked where both documents are in one. The first positive gets the score 0.
 */
class Differences implements PairRule {
  /** By entry, the entry + 1 that it hangs on; 0 for a root. */
  private parents = new Uint32Array(1024);
  private readonly path: number[] = [];
  /** How far the document that was found last is above its root. */
  private above = 0;

  constructor(private readonly sides: Sides) {}

  add({ query, positive, negative }: PairCodes, numbers: ArrayLike<number>): void {
    const p = this.known(query, positive, 1, positive === negative);
    const n = this.known(query, negative, 0, false);
    const margin = numbers[0];
    const [a, b] = [p < 0 ? this.enter(query, positive, 1) : p, n < 0 ? this.enter(query, negative, 0) : n];
    const aRoot = this.find(a);
    const aAbove = this.above;
    const bRoot = this.find(b);
    const bAbove = this.above;
    if (aRoot !== bRoot) {
      this.parents[bRoot] = aRoot + 1;
      this.sides.setNumber(bRoot, aAbove - margin - bAbove);
      return;
    }
    const before = aAbove - bAbove;
    if (Math.abs(before - margin) > TOLERANCE * (1 + Math.abs(margin)))
      throw new BadLine(
        `a margin of ${before} between documents ${this.name(positive)} and ${this.name(negative)} of query ${this.queryName(query)}, as the lines before have it`,
        String(margin),
      );
  }

  settle(query: number, entries: readonly number[]): void {
    const { sides } = this;
    const first = entries.find((entry) => sides.side(entry) === 1)!;
    const root = this.find(first);
    const { above } = this;
    const scores = entries.map((entry) => (this.find(entry) === root ? this.above - above + 0 : NaN));
    if (scores.some(Number.isNaN))
      throw new BadLine(
        `a negative that the positives of query ${this.queryName(query)} share: margins alone do not compare them`,
        'none',
      );
    entries.forEach((entry, i) => sides.setNumber(entry, scores[i]));
  }

  /** The entry of a document, -1 for none. @throws BadLine for one on two sides */
  private known(query: number, document: number, side: 0 | 1, both: boolean): number {
    const { sides } = this;
    const entry = side === 1 ? sides.findAgain(query, document) : sides.find(query, document);
    if (both || (entry >= 0 && sides.side(entry) !== side))
      throw new BadLine(
        `one side for document ${this.name(document)} of query ${this.queryName(query)}`,
        'another',
      );
    return entry;
  }

  private enter(query: number, document: number, side: 0 | 1): number {
    const entry = this.sides.add(query, document, side, 0);
    this.parents = grown(this.parents, entry + 1);
    this.parents[entry] = 0;
    return entry;
  }

  /** The root of a document's group; sets `above`, and shortens what lies between. */
  private find(entry: number): number {
    const { parents, path, sides } = this;
    let root = entry;
    for (; parents[root] !== 0; root = parents[root] - 1) path.push(root);
    let above = 0;
    for (let i = path.length - 1; i >= 0; i--) {
      above += sides.number(path[i]);
      parents[path[i]] = root + 1;
      sides.setNumber(path[i], above);
    }
    path.length = 0;
    this.above = above;
    return root;
  }

  private name(document: number): string {
    return excerpt(this.sides.documents.text(document));
  }

  private queryName(query: number): string {
    return excerpt(this.sides.queries.text(query));
  }
}

export const MARGINS: PairForm = {
  columns: { query: 0, positive: 1, negative: 2, numbers: [3] },
  parse: parseMargin,
  rule: (sides) => new Differences(sides),
};
