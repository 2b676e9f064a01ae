// A checkpoint with a finished unit and one in progress, and what reading a file gives.
import { join } from 'node:path';
import { expect } from 'vitest';
import { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import { CheckpointError } from '../../../../lib/lab/experiment/checkpoint-error';
import type { Unit } from '../../../../lib/lab/experiment/plan';
import type { UnitResult } from '../../../../lib/lab/experiment/results';
import type { Snapshot } from '../../../../lib/lab/experiment/unit';
import { scratch } from '../../data/files';

export const files = scratch();
export const OF = { command: 'refine', options: { seed: 1, losses: ['ckl'] } };
export const UNIT: Unit = {
  model: 'dense',
  students: ['dense'],
  condition: { name: 'given', wrongTeacher: 0, wrongLabels: 0 },
  fold: 0,
};
export const VALUES = { queries: ['q'], 'ndcg@10': [0.5], 'mrr@10': [1] };
export const RESULT: UnitResult = {
  unit: UNIT,
  search: [{ rate: 0.003, dev: 0.25 }],
  rate: 0.003,
  runs: [],
  start: { dense: { rerank: VALUES, full: VALUES, zeroShot: {} } },
  references: { teacher: VALUES },
  interrupted: false,
};
/** As the file holds it: its place names its unit. */
export const RESULT_ALONE: Partial<UnitResult> = { ...RESULT };
delete RESULT_ALONE.unit;
export const SNAPSHOT: Snapshot = {
  state: {
    ...{ search: [], runs: [], warming: false, done: [], observed: [], steps: { 'dense/map': 3 } },
    position: {
      ...{ epoch: 1, batch: 2, random: -7, order: [1, 0], lossSum: NaN, ranks: null },
      history: [{ epoch: 0, dev: 0.25 }],
      best: { epoch: 0, dev: 0.25 },
    },
  },
  arrays: { 'now/dense/map': Float32Array.of(1, -2), 'best/weights': Float64Array.of(0.1) },
};

export const open = async (file: string, of = OF) => (await Checkpoint.open({ checkpoint: file }, of))!;

/** A file with a finished unit and one in progress. */
export async function written(name: string): Promise<string> {
  const file = join(files.dir, name);
  const checkpoint = await open(file);
  await checkpoint.bind('digest');
  await checkpoint.add(0, RESULT);
  await checkpoint.save(1, SNAPSHOT);
  await checkpoint.close();
  return file;
}

/** What a file gives, or that it is refused. */
export async function contentOf(file: string) {
  try {
    const checkpoint = await open(file);
    const { done, standing } = checkpoint;
    await checkpoint.close();
    return { done: [...done], standing };
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return undefined;
  }
}
