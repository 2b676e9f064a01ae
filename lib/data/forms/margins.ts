// GPL's training file, a margin a line: lists of scores that have just these differences.
import { BadLine, excerpt } from '../errors.js';
import type { Records } from '../records.js';
import { columnsOf, parseNumber } from '../values.js';
import type { ScoredDocument, ScoredList } from './scored.js';

/** A line: how much higher than the negative the teacher scores the positive. */
export interface Margin {
  qid: string;
  positive: string;
  negative: string;
  margin: number;
}

/** `query positive negative margin`, by tabs; spaces do as well where no id holds one. */
export function parseMargin(line: string): Margin {
  const byTab = line.split('\t', 5).map((column) => column.trim());
  const columns = byTab.length === 4 ? byTab : columnsOf(line, 5);
  if (columns.length !== 4 || columns.includes(''))
    throw new BadLine('4 columns: query, positive, negative, margin', excerpt(line));
  const [qid, positive, negative, margin] = columns;
  return { qid, positive, negative, margin: parseNumber(margin, 'margin') };
}

/** Float32 scores give margins that agree to about this much of their size. */
const TOLERANCE = 1e-4;

/**
 * The documents of one query: each knows its score less that of its group's root. A margin joins two groups, or is checked where both documents are in
 * one.
 */
class Differences {
  readonly docs = new Map<string, { parent?: string; above: number; label: 0 | 1 }>();

  /** The root of a document's group, and how far the document is above it; what lies between is shortened. */
  find(docid: string): { root: string; above: number } {
    const path: string[] = [];
    let root = docid;
    for (let doc = this.docs.get(root)!; doc.parent !== undefined; doc = this.docs.get(root)!) {
      path.push(root);
      root = doc.parent;
    }
    let above = 0;
    for (const id of path.reverse()) {
      const doc = this.docs.get(id)!;
      above += doc.above;
      doc.parent = root;
      doc.above = above;
    }
    return { root, above };
  }

  /** @throws BadLine for a document on two sides, and for a margin that the ones before contradict */
  add({ qid, positive, negative, margin }: Margin): void {
    const known = (docid: string, label: 0 | 1) => {
      const doc = this.docs.get(docid);
      if (positive === negative || (doc && doc.label !== label))
        throw new BadLine(`one side for document ${excerpt(docid)} of query ${excerpt(qid)}`, 'another');
      return doc;
    };
    const [p, n] = [known(positive, 1), known(negative, 0)];
    if (!p) this.docs.set(positive, { above: 0, label: 1 });
    if (!n) this.docs.set(negative, { above: 0, label: 0 });
    const [a, b] = [this.find(positive), this.find(negative)];
    if (a.root !== b.root) {
      const doc = this.docs.get(b.root)!;
      doc.parent = a.root;
      doc.above = a.above - margin - b.above;
      return;
    }
    const before = a.above - b.above;
    if (Math.abs(before - margin) > TOLERANCE * (1 + Math.abs(margin)))
      throw new BadLine(
        `a margin of ${before} between documents ${excerpt(positive)} and ${excerpt(negative)} of query ${excerpt(qid)}, as the lines before have it`,
        String(margin),
      );
  }

  /** The scores, with the first positive's at 0; undefined where margins leave it open how two documents compare. */
  scores(): ScoredDocument[] | undefined {
    const found = [...this.docs].map(([docid, { label }]) => ({ docid, label, ...this.find(docid) }));
    const { root, above } = found.find(({ label }) => label === 1)!;
    if (found.some((doc) => doc.root !== root)) return undefined;
    const docs = found.map((doc) => ({ docid: doc.docid, score: doc.above - above + 0, label: doc.label }));
    return [...docs.filter(({ label }) => label === 1), ...docs.filter(({ label }) => label === 0)];
  }
}

/**
 * Margins, gathered into one list per query, positives first; the first positive has the score 0. The lines of a query may be anywhere in the
 * file, so all lists are in memory until the file ends.
 *
 * @throws DataError for margins that contradict each other, and for a query with positives that no negative connects
 */
export async function* groupMargins(records: Records<Margin>): AsyncGenerator<ScoredList> {
  const queries = new Map<string, Differences>();
  for await (const line of records) {
    const query = queries.get(line.qid) ?? new Differences();
    try {
      query.add(line);
      queries.set(line.qid, query);
    } catch (error) {
      records.refuse(error);
    }
  }
  for (const [qid, query] of queries) {
    const docs = query.scores();
    if (docs) yield { qid, docs };
    else
      records.refuseFile(
        new BadLine(
          `a negative that the positives of query ${excerpt(qid)} share: margins alone do not compare them`,
          'none',
        ),
      );
  }
}
