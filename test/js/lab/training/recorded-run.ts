// A training through the recording student, for the tests of the loop: seven lists in three batches, four epochs, and dev's rank after each.
import { expect } from 'vitest';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import { distil, type DistilData, type DistilOptions, type Hooks } from '../../../../lib/lab/training/distil';
import { Random } from '../../../../lib/lab/training/random';
import { judgementsOf, listOf, positiveAt, RecordingStudent } from './recording';

const DOCS = 40;
const numbers = new Random(17);
const teacher = (docs: number) => Array.from({ length: docs }, () => 3 * numbers.normal());

const positiveOf = (docs: number) => Array.from({ length: docs }, (_, d) => (d === 1 ? 1 : 0));

/** Seven lists of different lengths make batches of 3, 3 and 1. */
export const TRAIN = Array.from({ length: 7 }, (_, q) =>
  listOf(`t${q}`, teacher(DOCS - q), positiveOf(DOCS - q)),
);
const DEV = [listOf('dev', teacher(12))];
export const BATCHES = 3;
export const EPOCHS = 4;
export const DATA: DistilData<CandidateList> = { train: TRAIN, dev: DEV, qrels: judgementsOf(DEV) };
const OPTIONS: DistilOptions = {
  loss: 'kl',
  teacherTemperature: 2,
  epochs: EPOCHS,
  batch: 3,
  learningRate: 0.1,
  patience: 99,
  refreshRanks: 0,
  seed: 5,
};

/** Ranks of dev's positive after each epoch, from epoch 0 on; between epochs it ranks 12th. */
export const devRanks = (byEpoch: readonly number[]) => (version: number) =>
  version % BATCHES === 0 ? byEpoch[version / BATCHES] : 12;

/** Scores that differ by list, document and version, in no order. */
export const scatter = ({ qid }: CandidateList, document: number, version: number) =>
  2 * Math.sin(1 + qid.charCodeAt(qid.length - 1) * 7.1 + document * 3.7 + version * 1.3);

export function student(byEpoch: readonly number[] = [5, 4, 1, 3, 2]) {
  const ofDev = positiveAt(devRanks(byEpoch));
  return new RecordingStudent((list, d, version) =>
    list.qid === 'dev' ? ofDev(list, d, version) : scatter(list, d, version),
  );
}

export async function run(
  options: Partial<DistilOptions> = {},
  {
    data = DATA,
    hooks,
    of = student(),
  }: { data?: DistilData<CandidateList>; hooks?: Hooks; of?: RecordingStudent } = {},
) {
  const result = await distil(of, data, { ...OPTIONS, ...options }, hooks);
  return { result, of };
}

/** The batch that some lists make, as the losses take it. */
export function batchOf(lists: readonly { list: CandidateList; scores: readonly number[] }[]) {
  const offsets = [0];
  for (const { list } of lists) offsets.push(offsets.at(-1)! + list.docids.length);
  return {
    student: Float32Array.from(lists.flatMap(({ scores }) => [...scores])),
    teacher: Float32Array.from(lists.flatMap(({ list }) => [...list.teacher])),
    labels: Uint8Array.from(lists.flatMap(({ list }) => [...list.labels])),
    offsets: Int32Array.from(offsets),
  };
}

export const expectGradient = (
  batch: readonly { grad: readonly number[] }[],
  expected: ArrayLike<number>,
) => {
  const found = batch.flatMap(({ grad }) => grad);
  expect(found).toHaveLength(expected.length);
  found.forEach((g, i) => expect(Math.abs(g - expected[i])).toBeLessThan(1e-6));
  expect(Math.max(...found.map(Math.abs))).toBeGreaterThan(1e-4);
};
