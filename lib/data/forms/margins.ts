// GPL's training file, one margin per line: derives lists of scores with exactly these differences.
import type { Pair, PairForm, PairRule } from '../bytes/pair-lists.js';
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

/** Margins of float32 scores agree to about this fraction of their size. */
const TOLERANCE = 1e-4;

/**
 * Groups of one query's documents, as trees: the number of a document is its score minus that of its parent.
 * A margin joins two groups, or is checked if both documents are in the same one. The first positive gets the
 * score 0.
 */
class Differences implements PairRule {
  /** By document: its parent, or itself for a root. */
  private parents = new Uint32Array(1024);
  /** By place. */
  private scores = new Float64Array(1024);
  /** The path from a document to its root; the array is longer than the path. */
  private readonly path: number[] = [];
  /** The score of the last document that was looked up, relative to its root. */
  private above = 0;

  constructor(private readonly sides: Sides) {}

  add(positive: number, negative: number, numbers: ArrayLike<number>): void {
    const { sides } = this;
    const margin = numbers[0];
    this.check(positive, 1);
    if (positive === negative) throw this.otherSide(positive);
    this.check(negative, 0);
    if (!sides.has(positive)) this.enter(positive, 1);
    if (!sides.has(negative)) this.enter(negative, 0);
    const root = this.find(positive);
    const { above } = this;
    const negativeRoot = this.find(negative);
    if (root !== negativeRoot) {
      this.parents[negativeRoot] = root;
      sides.setNumber(negativeRoot, above - margin - this.above);
      return;
    }
    const before = above - this.above;
    if (Math.abs(before - margin) > TOLERANCE * (1 + Math.abs(margin)))
      throw new BadLine(
        `a margin of ${before} between documents ${this.name(positive)} and ${this.name(negative)} of query ${excerpt(sides.qid)}, as the lines before have it`,
        String(margin),
      );
  }

  settle(): void {
    const { sides } = this;
    const { count } = sides;
    this.scores = grown(this.scores, count);
    const { scores } = this;
    let first = 0;
    while (sides.side(sides.at(first)) !== 1) first++;
    const root = this.find(sides.at(first));
    const { above } = this;
    for (let i = 0; i < count; i++) {
      scores[i] = this.find(sides.at(i)) === root ? this.above - above + 0 : NaN;
      if (Number.isNaN(scores[i]))
        throw new BadLine(
          `a negative that the positives of query ${excerpt(sides.qid)} share: margins alone do not compare them`,
          'none',
        );
    }
    for (let i = 0; i < count; i++) sides.setNumber(sides.at(i), scores[i]);
  }

  /** @throws BadLine for a document of the other side */
  private check(document: number, side: 0 | 1): void {
    const { sides } = this;
    if (sides.has(document) && sides.side(document) !== side) throw this.otherSide(document);
  }

  private enter(document: number, side: 0 | 1): void {
    this.sides.add(document, side, 0);
    this.parents = grown(this.parents, document + 1);
    this.parents[document] = document;
  }

  /** The root of a document's group; sets `above` and shortens the path. */
  private find(document: number): number {
    const { parents, path, sides } = this;
    let root = parents[document];
    if (parents[root] === root) {
      this.above = root === document ? 0 : sides.number(document);
      return root;
    }
    let depth = 0;
    for (root = document; parents[root] !== root; root = parents[root]) path[depth++] = root;
    let above = 0;
    while (depth > 0) {
      const between = path[--depth];
      above += sides.number(between);
      parents[between] = root;
      sides.setNumber(between, above);
    }
    this.above = above;
    return root;
  }

  private otherSide(document: number): BadLine {
    return new BadLine(
      `one side for document ${this.name(document)} of query ${excerpt(this.sides.qid)}`,
      'another',
    );
  }

  private name(document: number): string {
    return excerpt(this.sides.documents.text(document));
  }
}

export const MARGINS: PairForm = {
  columns: { query: 0, positive: 1, negative: 2, numbers: [3] },
  parse: parseMargin,
  rule: (sides) => new Differences(sides),
};
