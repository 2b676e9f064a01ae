// Applies measures to a whole run: one value per query, and their mean over the queries that the convention counts.
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { parseMeasure } from './names.js';
import { rank, type Convention } from './ranking.js';
import type { Qrels, Run } from './types.js';

export interface EvaluateOptions {
  /** Names as {@link parseMeasure} takes them. Default: `ndcg@10`, `mrr@10`, `recall@100`. */
  measures?: readonly string[];
  /** How a run becomes a ranked list, and which queries count. Default `trec_eval`. */
  convention?: Convention;
  /** The lowest level that counts as relevant, as trec_eval -l; gains of nDCG are not touched by it. Default 1. */
  relevanceLevel?: number;
  /**
   * Also count judged queries that the run lacks, with 0 (trec_eval -c). Default: false, and true under `msmarco`,
   * whose script always divides by all judged queries.
   */
  complete?: boolean;
  /**
   * Leave a document out of the ranking of the query that has its id: in collections whose queries are documents too (ArguAna, Quora), such a
   * document is the query itself. Default false, as trec_eval; BEIR's own evaluation does so.
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
 * Which queries count: those with judgements that the run also has; with `complete` all that have judgements. A query
 * whose judgements name nothing relevant counts with 0 under `trec_eval`; under `msmarco` it is left out, as the MS MARCO
 * files list relevant documents only.
 *
 * @throws CklTypeError for a run or judgements of another kind; RangeError for an unknown measure, or a relevance level that is not a number; under `trec_eval-10`, which stops there, for
 *   a judged query that the run lacks, unless `complete` is set
 */
export function evaluate(run: Run, qrels: Qrels, options: EvaluateOptions = {}): Evaluation {
  checkTable(
    'run',
    run,
    "Map of query id -> Map of document id -> score, as loadRun returns it; toRun makes one of a teacher's lists",
  );
  checkTable('qrels', qrels, 'Map of query id -> Map of document id -> level, as loadQrels returns it');
  const { convention = 'trec_eval', relevanceLevel = 1, ignoreIdenticalIds = false } = options;
  const complete = options.complete ?? convention === 'msmarco';
  if (!Number.isFinite(relevanceLevel))
    throw new RangeError(`relevanceLevel must be a number, not ${relevanceLevel}`);
  const measures = (options.measures ?? ['ndcg@10', 'mrr@10', 'recall@100']).map(parseMeasure);

  const queries: string[] = [];
  const values: number[][] = measures.map(() => []);
  for (const [qid, judged] of qrels) {
    const scores = run.get(qid);
    if (!scores && !complete) {
      if (convention === 'trec_eval-10')
        throw new RangeError(
          `the run lacks query ${JSON.stringify(qid)}, which is judged: trec_eval 10 stops there, unless all judged queries count (complete, -c)`,
        );
      continue;
    }
    if (convention === 'msmarco' && ![...judged.values()].some((level) => level >= relevanceLevel)) continue;
    const all = rank(scores ?? NOTHING, convention);
    const ranked = ignoreIdenticalIds && scores?.has(qid) ? all.filter((docid) => docid !== qid) : all;
    queries.push(qid);
    measures.forEach((measure, i) => values[i].push(measure.of(ranked, judged, relevanceLevel)));
  }

  const perQuery: Evaluation['perQuery'] = {};
  const mean: Evaluation['mean'] = {};
  measures.forEach(({ name }, i) => {
    perQuery[name] = Float64Array.from(values[i]);
    mean[name] = queries.length === 0 ? 0 : values[i].reduce((sum, value) => sum + value, 0) / queries.length;
  });
  return { queries, perQuery, mean };
}

/** Whether it has queries, and the first of them documents with numbers. */
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
