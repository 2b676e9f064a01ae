// Tevatron: its distillation losses, including those of version 1.
import { allocate } from '../loss/arrays.js';
import { checkCount, checkFloats, positive } from './arguments.js';
import type { Preset } from './preset.js';

/** Tevatron. */
export const tevatron = {
  /**
   * Version 2, `tevatron/retriever/trainer.py`, `DistilTevatronTrainer`: softmax over the passages of a query, one temperature for both sides
   * (`distil_temperature`), no factor T².
   */
  distillation: (temperature = 0.02): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    studentTemperature: positive('temperature', temperature),
    teacherTemperature: temperature,
    reduction: 'mean',
  }),

  /** Version 2, `tevatron/megatron`, `loss_kind: distill`: a reranker; two temperatures, the loss times the square of the student's. */
  rerankerDistillation: (studentTemperature = 1, teacherTemperature = 1): Preset<'mean'> => ({
    terms: [{ loss: 'kl', weight: positive('studentTemperature', studentTemperature) ** 2 }],
    studentTemperature,
    teacherTemperature: positive('teacherTemperature', teacherTemperature),
    reduction: 'mean',
  }),

  /**
   * Version 1, `tevatron/distillation/trainer.py` (`DistilTrainer`): the student's softmax runs over all documents of the batch, the teacher's
   * over those of the query. Convert the teacher's scores with {@link inBatchTeacher}.
   */
  v1: (studentTemperature = 1, teacherTemperature = 1): Preset<'mean'> => ({
    terms: [{ loss: 'kl' }],
    studentTemperature: positive('studentTemperature', studentTemperature),
    teacherTemperature: positive('teacherTemperature', teacherTemperature),
    reduction: 'mean',
  }),
};

/**
 * The teacher's scores of each query's own documents as a row over all documents of the batch; -Infinity, probability 0, for the others.
 * @param teacher `[queries, group]`; the group of query b has the columns `b * group` on
 * @returns `[queries, queries * group]`
 */
export function inBatchTeacher(teacher: Float32Array, queries: number, group: number): Float32Array {
  const docs = checkCount('queries', queries) * checkCount('group', group);
  checkFloats('teacher', teacher, docs);
  const out = allocate(Float32Array, queries * docs, 'the teacher').fill(-Infinity);
  for (let b = 0; b < queries; b++) {
    for (let i = 0; i < group; i++) out[b * docs + b * group + i] = teacher[b * group + i];
  }
  return out;
}
