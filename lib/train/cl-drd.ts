// The relevance labels of CL-DRD's curriculum, which lambdaMrr learns from: made of the teacher's ranks, harder by stages.
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
 * Writes relevance for the lists of a batch. Documents below the teacher's first 30 take no part.
 *
 * @param progress how much of the training is done, 0 to 1: each third is a stage
 */
export function setCurriculum(batch: TrainingBatch, progress: number): void {
  const { head, middle } = STAGES[Math.min(STAGES.length - 1, Math.floor(progress * STAGES.length))];
  const { offsets, relevance, labels, lists } = batch;
  lists.forEach(({ teacher }, b) => {
    const order = [...teacher.keys()].sort((i, j) => teacher[j] - teacher[i]);
    order.forEach((document, place) => {
      const at = offsets[b] + document;
      relevance[at] = place < head ? 1 / (place + 1) : place < head + middle ? -0.25 : -0.5;
      if (place >= DOCUMENTS) labels[at] = PADDING;
    });
  });
}
