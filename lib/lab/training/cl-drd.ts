// The relevance labels of CL-DRD's curriculum for lambdaMrr: derived from the teacher's ranks, and harder in
// each stage.
import type { TrainingBatch } from './batch.js';

/**
 * Stages of the curriculum: how many documents at the head of the teacher's list get 1 / rank, and how many after them −0.25; those
 * left of the first 30 get −0.5 (Zeng et al. 2022, section 3.2).
 */
const STAGES = [
  { head: 5, middle: 12 },
  { head: 10, middle: 10 },
  { head: 30, middle: 0 },
];
const DOCUMENTS = 30;
const PADDING = 255;

/**
 * Where relevance comes from: the teacher's ranks in three stages; those of the last stage all along; or the labels, as 1 and 0.
 */
export const CURRICULA = ['cl-drd', 'last-stage', 'labels'] as const;
export type Curriculum = (typeof CURRICULA)[number];

/**
 * Writes relevance for the lists of a batch.
 *
 * @param progress fraction of the training that is done; each third is a stage
 * @param alone whether no other loss reads the batch; then documents below the teacher's first 30 take no part
 */
export function setRelevance(
  batch: TrainingBatch,
  progress: number,
  curriculum: Curriculum = 'cl-drd',
  alone = true,
): void {
  if (curriculum === 'labels') batch.relevance.set(batch.labels);
  else setStage(batch, curriculum === 'cl-drd' ? progress : 1, alone);
}

function setStage(batch: TrainingBatch, progress: number, alone: boolean): void {
  const { head, middle } = STAGES[Math.min(STAGES.length - 1, Math.floor(progress * STAGES.length))];
  const { offsets, relevance, labels, lists } = batch;
  lists.forEach(({ teacher }, b) => {
    const order = [...teacher.keys()].sort((i, j) => teacher[j] - teacher[i]);
    order.forEach((document, place) => {
      const at = offsets[b] + document;
      relevance[at] = place < head ? 1 / (place + 1) : place < head + middle ? -0.25 : -0.5;
      if (alone && place >= DOCUMENTS) labels[at] = PADDING;
    });
  });
}
