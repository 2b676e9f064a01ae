// A comparison as `--json` saves it: checked as it is read, and joined with others.
import type { Recipe } from '../experiment/plan.js';
import type { Provenance } from '../provenance.js';
import { TRAINING_LOSSES, type TrainingLoss } from '../training/loss-sum.js';
import * as p from '../parse.js';
import { ratios, weights } from '../experiment/records.js';
import { STUDENT_NAMES } from '../students/students.js';
import { joinCompared, type Compared } from './compare.js';
import { LEVEL } from './tables.js';

/**
 * The content of --json: the comparison, and under `made` where and how it was made, the only part that may
 * differ from run to run.
 */
export interface SavedComparison extends Compared {
  made: Provenance & {
    /**
     * For a run that resumed from a checkpoint: the number of units done before, which are not included in
     * time and memory.
     */
    unitsBefore?: number;
  };
}

/** The sign of a significant difference from CKL. */
export function markOf(tested: { difference: number; pHolm: number } | undefined): '†' | '‡' | '' {
  if (!tested || tested.pHolm >= LEVEL) return '';
  return tested.difference < 0 ? '†' : '‡';
}

export function joinSaved(a: SavedComparison, b: SavedComparison): SavedComparison {
  return { ...joinCompared(a, b), made: joinMade(a.made, b.made) };
}

/** Times add up; memory is that of the larger. */
export function joinMade(a: SavedComparison['made'], b: SavedComparison['made']): SavedComparison['made'] {
  return {
    ...a,
    seconds: a.seconds + b.seconds,
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
    peakMiB: Math.max(a.peakMiB, b.peakMiB),
  };
}

const student = p.oneOf(...STUDENT_NAMES);
const tested = p.object({ difference: p.number, queries: p.number, p: p.number, pHolm: p.number });
const cell = p.object({
  mean: p.number,
  bySeed: p.array(p.number),
  versusCkl: p.optional(tested),
  versusStart: p.optional(tested),
});
const table = p.object({
  student,
  title: p.text,
  condition: p.oneOf('clean', 'wrongTeacher', 'wrongLabels'),
  columns: p.array(p.text),
  rows: p.array(p.object({ name: p.text, cells: p.record(cell), rates: p.array(p.number) })),
});
const behaved = p.object({ separation: p.array(p.number), entropy: p.array(p.number) });
const curve = p.object({
  student,
  recipe: p.text,
  dev: p.array(p.number),
  behaviour: p.object({ train: behaved, dev: behaved }),
});
export const savedData = p.object({
  name: p.text,
  ...{ documents: p.count, words: p.count, lists: p.count },
  digest: p.text,
  skipped: p.count,
  folds: p.array(
    p.object({
      ...{ train: p.count, dev: p.count, test: p.count, unusable: p.count },
      teacherTemperature: p.number,
    }),
  ),
  zeroShot: p.array(p.object({ name: p.text, documents: p.count, queries: p.count })),
});
const loss: p.Parser<TrainingLoss> = (value, at) =>
  typeof value === 'string' ? lossName(value, at) : p.record(p.number)(value, at);
const lossName = p.oneOf(...TRAINING_LOSSES);
const stage: p.Parser<Recipe['stages'][number]> = (value, at) =>
  typeof value === 'string'
    ? lossName(value, at)
    : p.object({ loss, epochs: p.optional(p.count) })(value, at);
const number = p.optional(p.number);
export const savedOptions: p.Parser<Compared['options']> = p.object({
  students: p.array(student),
  recipes: p.array(p.object({ name: p.text, stages: p.array(stage) })),
  ...{ seeds: p.count, folds: p.count, epochs: p.count },
  warmup: p.optional(loss),
  warmupEpochs: p.count,
  rates: p.array(p.number),
  ...{ batch: p.count, docs: p.count },
  ...{ gamma: number, alpha: number, lambda: number, negativeWeight: number, nllWeight: number },
  ...{ beta: number, steepness: number, k: number, mu: number },
  teacherTemperature: p.optional(p.number),
  ...{ wrongTeacher: p.number, wrongLabels: p.number, seed: p.count },
  level: p.optional(p.count),
  identicalIds: p.optional(p.oneOf('ignore', 'keep')),
});
export const savedMade = p.object({
  date: p.text,
  commit: p.optional(p.text),
  ...{ machine: p.text, node: p.text },
  ...{ seconds: p.number, cpuSeconds: p.number, peakMiB: p.number },
  unitsBefore: p.optional(p.count),
});

/**
 * A comparison that --json wrote, from its parsed text.
 *
 * @throws ShapeError
 */
export function readSaved(value: unknown): SavedComparison {
  return p.object({
    format: p.oneOf('ckl-loss comparison 1'),
    options: savedOptions,
    data: savedData,
    tables: p.array(table),
    curves: p.array(curve),
    figures: p.array(p.object({ student, weights, ratios })),
    grid: ratios,
    made: savedMade,
  })(value, '');
}
