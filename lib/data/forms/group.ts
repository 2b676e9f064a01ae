// Gathers what spreads a query over several lines, runs and pairs, into one list per query.
import { BadLine, excerpt } from '../errors.js';
import type { Records } from '../records.js';
import type { ScoredDocument, ScoredList } from './scored.js';
import { RankCheck, type RunEntry } from '../trec.js';
import { columnsOf, parseNumber } from '../values.js';

/**
 * A run, query by query. The lines of a query must stand together, so that only one list is in memory.
 *
 * @throws DataError when a query comes back after another one, or lists a document twice
 */
export async function* groupRun(records: Records<RunEntry>): AsyncGenerator<ScoredList> {
  const finished = new Set<string>();
  let list: ScoredList | undefined;
  let seen = new Set<string>();
  const check = new RankCheck();
  for await (const batch of records.batches())
    for (const entry of batch) {
      const { qid, docid, score } = entry;
      try {
        check.add(entry);
        if (!Number.isFinite(score)) throw new BadLine('a finite number as score', String(score));
      } catch (error) {
        records.refuse(error);
        continue;
      }
      if (list?.qid !== qid) {
        if (finished.has(qid)) {
          records.refuse(
            new BadLine('the lines of a query together (sort the file)', `query ${excerpt(qid)} again`),
          );
          continue;
        }
        if (list) yield list;
        list = { qid, docs: [] };
        seen = new Set();
        finished.add(qid);
      }
      if (seen.has(docid)) {
        records.refuse(new BadLine('each document once for a query', `${excerpt(docid)} twice`));
        continue;
      }
      seen.add(docid);
      list.docs.push({ docid, score });
    }
  check.end(records.path);
  if (list) yield list;
}

/** One line of Hofstätter's file. */
export interface Pair {
  qid: string;
  positive: ScoredDocument;
  negative: ScoredDocument;
}

/** `pos_score neg_score qid pid_pos pid_neg`, by tabs; spaces do as well where no id holds one. */
export function parsePair(line: string): Pair {
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
    positive: { docid: positive, score: parseNumber(positiveScore, "the positive's score"), label: 1 },
    negative: { docid: negative, score: parseNumber(negativeScore, "the negative's score"), label: 0 },
  };
}

/**
 * Hofstätter's pairs, gathered into one list per query, positives first. The pairs of a query may be anywhere in the file, so all
 * lists are in memory until the file ends (about 100 bytes per distinct document).
 *
 * @throws DataError when a document has two scores or two labels in one query
 */
export async function* groupPairs(records: Records<Pair>): AsyncGenerator<ScoredList> {
  const queries = new Map<string, Map<string, ScoredDocument>>();
  for await (const { qid, positive, negative } of records) {
    let docs = queries.get(qid);
    if (!docs) queries.set(qid, (docs = new Map()));
    const contradiction =
      contradicts(docs, positive) ??
      contradicts(docs, negative) ??
      contradicts(new Map([[positive.docid, positive]]), negative);
    if (contradiction) {
      records.refuse(
        new BadLine(
          `one score and one side for document ${excerpt(contradiction)} of query ${excerpt(qid)}`,
          'another',
        ),
      );
      continue;
    }
    docs.set(positive.docid, positive);
    docs.set(negative.docid, negative);
  }
  for (const [qid, docs] of queries) {
    const sides = [...docs.values()];
    yield {
      qid,
      docs: [...sides.filter((doc) => doc.label === 1), ...sides.filter((doc) => doc.label === 0)],
    };
  }
}

function contradicts(docs: ReadonlyMap<string, ScoredDocument>, doc: ScoredDocument): string | undefined {
  const known = docs.get(doc.docid);
  return known && (known.score !== doc.score || known.label !== doc.label) ? doc.docid : undefined;
}
