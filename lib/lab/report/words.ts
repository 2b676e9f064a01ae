// Names of losses, columns and conditions as the report writes them.
import type { CompareOptions, Condition } from '../compare/options.js';

/** The paper whose tables and figures the reports follow. */
export const PAPER = {
  title: 'Weighted KL-Divergence for Document Ranking Model Refinement',
  authors: 'Yang, Qiao, He and Yang, 2024',
};

const RECIPES: Record<string, string> = {
  start: 'Start (untrained)',
  'warm-up': 'Warm-up',
  kl: 'KL',
  ckl: 'CKL',
  'ckl-detached': 'CKL, constant weights',
  bkl: 'BKL',
  nll: 'NLL',
  klLogL: 'KL + NLL',
  marginMse: 'MarginMSE',
  lambdaMrr: 'CL-DRD',
  reverseKl: 'Reverse KL',
  jsd: 'JSD',
  rankNet: 'RankNet',
  listMle: 'ListMLE',
  adrMse: 'ADR-MSE',
  lambdaNdcg: 'LambdaLoss',
  'kl+ckl': 'KL → CKL',
  teacher: 'Teacher',
};

/** What is too long for a line's end. */
const SHORT: Record<string, string> = { 'ckl-detached': 'CKL, const.' };

export const recipeTitle = (name: string): string => RECIPES[name] ?? name;
export const recipeLabel = (name: string): string => SHORT[name] ?? recipeTitle(name);

/** "zero-shot cranfield ndcg@10" -> "zero-shot cranfield nDCG@10". */
export const columnTitle = (column: string): string =>
  column.replace('ndcg@', 'nDCG@').replace('mrr@', 'MRR@');

/** The setting of a column, rerank, full or zero-shot, and the rest of its title. */
export function columnParts(column: string): { group: string; name: string } {
  const title = columnTitle(column);
  const end = title.indexOf(' ');
  return { group: title.slice(0, end), name: title.slice(end + 1) };
}

/** "Dense" of "Dense (one vector a text)". */
export const shortTitle = (title: string): string => title.split(' (')[0];

/** "CKL, KL and NLL" */
export const joined = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;

/** "1 seed", "3 seeds" */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;

export function conditionText(
  condition: Condition,
  { wrongTeacher, wrongLabels }: Pick<CompareOptions, 'wrongTeacher' | 'wrongLabels'>,
): string {
  const percent = (share: number) => `${Number((100 * share).toFixed(1))} %`;
  switch (condition) {
    case 'clean':
      return 'teacher and labels as they are';
    case 'wrongTeacher':
      return `wrong teacher in ${percent(wrongTeacher)} of the training lists`;
    case 'wrongLabels':
      return `wrong labels in ${percent(wrongLabels)} of the training lists`;
  }
}
