// ckl-loss/metrics: ranking measures as trec_eval and MS MARCO compute them, and tests of the difference of two runs.
export { compare, type Comparison } from './compare.js';
export { evaluate, evaluateRanked, type EvaluateOptions, type Evaluation } from './evaluate.js';
export { averagePrecision, ndcg, precision, recall, reciprocalRank, type Judged } from './measures.js';
export { MEASURE_HELP, parseMeasure, type Measure } from './names.js';
export type { Placed, RankedRun } from './placed.js';
export { compareBytes, CONVENTIONS, rank, type Convention } from './ranking.js';
export { holm, pairedTTest, type TTest } from './significance.js';
export { studentTwoSided } from './student-t.js';
export type { Qrels, Run } from './types.js';
