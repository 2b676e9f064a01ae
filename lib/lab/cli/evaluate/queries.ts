// Which queries a run, a baseline and judgements have in common, and the notices about those they do not.
import type { Evaluation } from '../../../metrics/index.js';

export interface MatchedQueries {
  /** Queries that the run lists and the judgements judge. */
  shared: number;
  /** Judged queries that the run lacks. */
  missing: number;
  /** Queries of the run without judgements. */
  unjudged: number;
  /** Shared queries that list a document with their own id that is not judged relevant. */
  identical: number;
}

/**
 * @param name of the run, e.g. "the baseline"
 * @param complete whether judged queries that the run lacks count as 0
 * @param ignored whether documents with the id of their query were left out
 * @param asked whether that was asked for
 */
export function noticesOf(
  name: string,
  { missing, unjudged, identical }: MatchedQueries,
  { complete, ignored, asked }: { complete: boolean; ignored: boolean; asked: boolean },
): string[] {
  const counted = complete ? 'counted as 0' : 'not counted (--complete counts them as 0)';
  const left = ignored
    ? 'left out (--keep-identical-ids keeps it)'
    : 'kept (--ignore-identical-ids leaves it out)';
  return [
    missing > 0 && `judged queries that ${name} lacks: ${missing}, ${counted}\n`,
    unjudged > 0 && `queries of ${name} without judgements: ${unjudged}, not counted\n`,
    identical > 0 &&
      !asked &&
      `queries of ${name} that list the document of their own id: ${identical}; it is ${left}\n`,
  ].filter((notice) => notice !== false);
}

/** A comparison is over the queries that both have. */
export function differentQueries(run: Evaluation, baseline: Evaluation): string[] {
  const inBaseline = new Set(baseline.queries);
  const shared = run.queries.filter((qid) => inBaseline.has(qid)).length;
  if (shared === run.queries.length && shared === baseline.queries.length) return [];
  return [
    `compared over the ${shared} queries that both have: ${run.queries.length - shared} are in the run alone, ${baseline.queries.length - shared} in the baseline alone\n`,
  ];
}
