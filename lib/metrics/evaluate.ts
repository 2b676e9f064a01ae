// Applies measures to a whole run: one value per query, and their mean over the queries that the convention counts.
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { parseMeasure } from './names.js';
import { placedOf, type RankedRun } from './placed.js';
import { rank, type Convention } from './ranking.js';
import type { Qrels, Run } from './types.js';

export interface EvaluateOptions {
  /** Names as {@link parseMeasure} takes them. Default: `ndcg@10`, `mrr@10`, `recall@100`. */
  measures?: readonly string[];
  /** How a run becomes a ranked list, and which queries count. Default `trec_eval`. */
  convention?: Convention;
  /**
   * The lowest level that counts as relevant, as trec_eval -l; it does not affect the gains of nDCG. Default
   * 1.
   */
  relevanceLevel?: number;
  /**
   * Also count judged queries that the run lacks, with 0 (trec_eval -c). Default: false, and true under `msmarco`,
   * whose script always divides by all judged queries.
   */
  complete?: boolean;
  /**
   * Remove the document with a query's own id from its ranking: in collections whose queries are also
   * documents (ArguAna, Quora), it is the query itself. Default false, as in trec_eval; BEIR's own evaluation
   * does remove it.
   */
  ignoreIdenticalIds?: boolean;
}

export interface Evaluation {
  /** The counted queries, in the order of the judgements. */
  queries: string[];
  /** Measure -> one value per query, in the order of `queries`. */
  perQuery: Record<string, Float64Array>;
  /** Measure -> mean over `queries`; 0 when there are none. */
  mean: Record<string, number>;
}

const NOTHING: ReadonlyMap<string, number> = new Map();

/**
 * Evaluates a run.
 *
 * A query counts if it has judgements and the run has it; with `complete`, all queries with judgements count.
 * A query without relevant documents in its judgements counts as 0 under `trec_eval`; under `msmarco` it is
 * left out, since the MS MARCO files list only relevant documents.
 *
 * @throws CklTypeError for a run or judgements of another kind; RangeError for an unknown measure, or a
 * relevance level that is not a number; and, unless `complete` is set, for a judged query that the run lacks
 * under `trec_eval-10`, which stops there
 */
export function evaluate(run: Run, qrels: Qrels, options: EvaluateOptions = {}): Evaluation {
  checkTable(
    'run',
    run,
    "Map of query id -> Map of document id -> score, as loadRun returns it; toRun makes one of a teacher's lists",
  );
  checkTable('qrels', qrels, 'Map of query id -> Map of document id -> level, as loadQrels returns it');
  const { convention } = options;
  const judgements = [...qrels];
  return evaluateRanked(
    {
      queries: judgements.length,
      qid: (query) => judgements[query][0],
      lists: (query) => run.has(judgements[query][0]),
      judged: (query) => [...judgements[query][1].values()],
      placed(query, ignoreIdentical) {
        const [qid, judged] = judgements[query];
        const scores = run.get(qid) ?? NOTHING;
        const all = rank(scores, convention);
        return placedOf(
          ignoreIdentical && scores.has(qid) ? all.filter((docid) => docid !== qid) : all,
          judged,
        );
      },
    },
    options,
  );
}

/**
 * The same for a run whose judged documents are already ranked, by the given convention. With a
 * `relevanceLevel` below 1, at which unjudged documents count as relevant, all documents must be ranked.
 *
 * @throws as {@link evaluate}
 */
export function evaluateRanked(run: RankedRun, options: EvaluateOptions): Evaluation {
  const { convention = 'trec_eval', relevanceLevel = 1, ignoreIdenticalIds = false } = options;
  const complete = options.complete ?? convention === 'msmarco';
  if (!Number.isFinite(relevanceLevel))
    throw new RangeError(`relevanceLevel must be a number, not ${relevanceLevel}`);
  const measures = (options.measures ?? ['ndcg@10', 'mrr@10', 'recall@100']).map(parseMeasure);

  const queries: string[] = [];
  const values = measures.map(() => new Float64Array(run.queries));
  for (let query = 0; query < run.queries; query++) {
    if (!run.lists(query) && !complete) {
      if (convention === 'trec_eval-10')
        throw new RangeError(
          `the run lacks query ${JSON.stringify(run.qid(query))}, which is judged: trec_eval 10 stops there, unless all judged queries count (complete, -c)`,
        );
      continue;
    }
    if (convention === 'msmarco' && !someAtLeast(run.judged(query), relevanceLevel)) continue;
    const placed = run.placed(query, ignoreIdenticalIds);
    for (const [i, measure] of measures.entries())
      values[i][queries.length] = measure.ofPlaced(placed, relevanceLevel);
    queries.push(run.qid(query));
  }

  const perQuery: Evaluation['perQuery'] = {};
  const mean: Evaluation['mean'] = {};
  for (const [i, { name }] of measures.entries()) {
    const counted = values[i].slice(0, queries.length);
    perQuery[name] = counted;
    mean[name] = queries.length === 0 ? 0 : counted.reduce((sum, value) => sum + value, 0) / queries.length;
  }
  return { queries, perQuery, mean };
}

function someAtLeast(levels: ArrayLike<number>, least: number): boolean {
  for (let i = 0; i < levels.length; i++) if (levels[i] >= least) return true;
  return false;
}

/** Whether it has queries, the first of which has documents with numbers. */
function checkTable(name: string, table: unknown, wanted: string): void {
  const isMap = (value: unknown): value is ReadonlyMap<unknown, unknown> =>
    value instanceof Map || Object.prototype.toString.call(value) === '[object Map]';
  const fail = (found: string) =>
    new CklTypeError('ERR_CKL_TYPE', `${name} is ${found}; evaluate takes a ${wanted}`);
  if (!isMap(table)) throw fail(describe(table));
  for (const [qid, scores] of table) {
    if (!isMap(scores)) throw fail(`a Map with ${describe(scores)} for query ${String(qid)}`);
    for (const [docid, value] of scores)
      if (typeof value !== 'number')
        throw fail(`a Map with ${describe(value)} for query ${String(qid)}, document ${String(docid)}`);
      else break;
    break;
  }
}
