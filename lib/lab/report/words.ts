// Names of losses, columns and conditions as the report writes them.
import type { CompareOptions, Condition } from '../compare/options.js';

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

export const recipeTitle = (name: string): string => RECIPES[name] ?? name;

/** "zero-shot cranfield ndcg@10" -> "zero-shot cranfield nDCG@10". */
export const columnTitle = (column: string): string =>
  column.replace('ndcg@', 'nDCG@').replace('mrr@', 'MRR@');

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
