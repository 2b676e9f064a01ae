// Hofstätter's pairs of scores: lines of one query, gathered into a list.
import type { Pair, PairForm, PairRule } from '../bytes/pair-lists.js';
import type { Sides } from '../bytes/sides.js';
import { BadLine, excerpt } from '../errors.js';
import { columnsOf, parseNumber } from '../values.js';

/** `pos_score neg_score qid pid_pos pid_neg`, by tabs; spaces do as well where no id holds one. */
function parsePair(line: string): Pair {
  const byTab = line.split('\t', 6).map((column) => column.trim());
  const columns = byTab.length === 5 ? byTab : columnsOf(line, 6);
  if (columns.length !== 5 || columns.includes('')) {
    throw new BadLine(
      "5 columns: positive's score, negative's score, query, positive, negative",
      excerpt(line),
    );
  }
  const [positiveScore, negativeScore, qid, positive, negative] = columns;
  return {
    qid,
    positive,
    negative,
    numbers: [
      parseNumber(positiveScore, "the positive's score"),
      parseNumber(negativeScore, "the negative's score"),
    ],
  };
}

/** A document has one score and one side per query. */
class Scores implements PairRule {
  constructor(private readonly sides: Sides) {}

  add(positive: number, negative: number, numbers: ArrayLike<number>): void {
    const { sides } = this;
    const isNew = this.enters(positive, 1, numbers[0]);
    const isNewNegative = this.enters(negative, 0, numbers[1]);
    if (positive === negative) throw this.contradiction(negative);
    if (isNew) sides.add(positive, 1, numbers[0]);
    if (isNewNegative) sides.add(negative, 0, numbers[1]);
  }

  settle(): void {}

  /** Whether a document is new. @throws BadLine if it already has another score or side */
  private enters(document: number, side: 0 | 1, score: number): boolean {
    const { sides } = this;
    if (!sides.has(document)) return true;
    if (sides.side(document) !== side || sides.number(document) !== score) throw this.contradiction(document);
    return false;
  }

  private contradiction(document: number): BadLine {
    const { documents, qid } = this.sides;
    return new BadLine(
      `one score and one side for document ${excerpt(documents.text(document))} of query ${excerpt(qid)}`,
      'another',
    );
  }
}

export const PAIRS: PairForm = {
  columns: { query: 2, positive: 3, negative: 4, numbers: [0, 1] },
  parse: parsePair,
  rule: (sides) => new Scores(sides),
};
