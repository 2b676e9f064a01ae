// Hofstätter's pairs of scores: lines of one query, gathered into a list.
import type { PairCodes, Pair, PairForm, PairRule } from '../bytes/pair-lists.js';
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

/** A document has one score and one side in a query. */
class Scores implements PairRule {
  constructor(private readonly sides: Sides) {}

  add({ query, positive, negative }: PairCodes, numbers: ArrayLike<number>): void {
    const { sides } = this;
    const [p, n] = [sides.findAgain(query, positive), sides.find(query, negative)];
    const other = (entry: number, side: 0 | 1, score: number): boolean =>
      entry >= 0 && (sides.side(entry) !== side || sides.number(entry) !== score);
    if (other(p, 1, numbers[0])) throw this.contradiction(query, positive);
    if (other(n, 0, numbers[1]) || positive === negative) throw this.contradiction(query, negative);
    if (p < 0) sides.add(query, positive, 1, numbers[0]);
    if (n < 0) sides.add(query, negative, 0, numbers[1]);
  }

  settle(): void {}

  private contradiction(query: number, document: number): BadLine {
    const { queries, documents } = this.sides;
    return new BadLine(
      `one score and one side for document ${excerpt(documents.text(document))} of query ${excerpt(queries.text(query))}`,
      'another',
    );
  }
}

export const PAIRS: PairForm = {
  columns: { query: 2, positive: 3, negative: 4, numbers: [0, 1] },
  parse: parsePair,
  rule: (sides) => new Scores(sides),
};
