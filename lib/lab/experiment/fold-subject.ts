// What subjects of refinement have in common, whatever their lists hold: what trainings of a fold read, and the teacher to compare with.
import type { Qrels } from '../../metrics/index.js';
import type { DocumentList } from '../training/candidates.js';
import { measure, runOf, type Judging } from '../training/rerank.js';
import type { Experiment } from './plan.js';
import { toValues } from './results.js';
import { crossPositives, draw, shortenAll } from './shorten.js';
import type { Subject } from './subject.js';

interface Fold<L> {
  dev: readonly L[];
  test: readonly L[];
  qrels: Qrels;
  teacherTemperature: number;
}

/**
 * @param spoilt the training lists under the unit's condition
 * @param ranked those that a refresh of the ranks evaluates
 * @param negatives `drawn`: redrawn each epoch, as many per list as `docs` allows; `best`: the teacher's best, chosen once
 */
export function foldSubject<L extends DocumentList>(
  fold: Fold<L>,
  { spoilt, ranked }: { spoilt: readonly L[]; ranked: readonly L[] },
  negatives: 'best' | 'drawn' | undefined,
  { docs, inBatchWeight }: Pick<Experiment, 'docs' | 'inBatchWeight'>,
  judging: Judging,
): Pick<Subject<L>, 'data' | 'teacherTemperature' | 'references'> {
  const isDrawn = negatives === 'drawn' && docs !== undefined;
  return {
    data: {
      train: isDrawn ? spoilt : shortenAll(spoilt, docs),
      dev: fold.dev,
      qrels: fold.qrels,
      judging,
      ranked,
      sample: isDrawn ? (list, random) => draw(list, docs, random) : undefined,
      inBatch: inBatchWeight ? { weight: inBatchWeight, lists: crossPositives } : undefined,
    },
    teacherTemperature: fold.teacherTemperature,
    references: () => ({
      teacher: toValues(
        measure(
          runOf(fold.test, (list) => list.teacher),
          fold.qrels,
          judging,
        ),
      ),
    }),
  };
}
