// Ranks candidate lists by some score and measures the rankings.
import { evaluate, type Evaluation, type Qrels, type Run } from '../../metrics/index.js';
import type { CandidateList } from './candidates.js';
import type { Student } from './student.js';

/** The measures of the training job. */
export const MEASURES = ['ndcg@10', 'mrr@10'] as const;

/** Which documents are relevant. */
export interface Judging {
  /** The lowest level of a judgement that does. Default: 1. */
  level?: number;
  /** Leave the document with the query's own id out of its ranking. Default: false. */
  ignoreIdenticalIds?: boolean;
}

/** A run of the candidates, scored by `score(list)`, one number per document. */
export function runOf<L extends CandidateList>(
  lists: readonly L[],
  score: (list: L) => ArrayLike<number>,
): Run {
  return new Map(
    lists.map((list) => {
      const scores = score(list);
      return [list.qid, new Map(list.docids.map((docid, i) => [docid, scores[i]]))];
    }),
  );
}

/** The student's scores in the form that {@link runOf} takes. */
export function scoresOf<L extends CandidateList>(student: Student<L>): (list: L) => Float32Array {
  return (list) => {
    const out = new Float32Array(list.docids.length);
    student.score(list, out, 0);
    return out;
  };
}

/** nDCG@10 and MRR@10 of a run of the candidates, against all judgements (documents that are no candidates count as missed). */
export function measure(run: Run, qrels: Qrels, { level, ...judging }: Judging = {}): Evaluation {
  return evaluate(run, qrels, { ...judging, measures: MEASURES, relevanceLevel: level });
}
