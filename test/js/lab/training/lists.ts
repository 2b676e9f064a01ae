// Candidate lists for the tests of the training job: drawn at random, with a teacher that a linear student can follow.
import type { FeatureList } from '../../../../lib/lab/students/linear/lists';
import type { DistilOptions } from '../../../../lib/lab/training/distil';
import { Random } from '../../../../lib/lab/training/random';

/** Lists whose teacher scores are a fixed weighted sum of the features plus noise; the best document is the positive. */
export function drawLists(
  random: Random,
  queries: number,
  truth: readonly number[],
  noise = 0,
): FeatureList[] {
  const width = truth.length;
  return Array.from({ length: queries }, (_, q) => {
    const docs = 6 + random.below(7);
    const documents = Array.from({ length: docs }, () => {
      const features = Array.from({ length: width }, () => random.normal());
      return { features, score: truth.reduce((sum, w, f) => sum + w * features[f], noise * random.normal()) };
    }).sort((a, b) => b.score - a.score);
    return {
      qid: `q${q}`,
      docids: Array.from({ length: docs }, (_, d) => `d${q}-${String.fromCharCode(97 + d)}`),
      features: Float64Array.from(documents.flatMap((document) => document.features)),
      teacher: Float32Array.from(documents, (document) => document.score),
      labels: Uint8Array.from({ length: docs }, (_, d) => (d === 0 ? 1 : 0)),
    };
  });
}

/** Judgements that say what the labels say. */
export const judgementsOf = (lists: readonly FeatureList[]) =>
  new Map(
    lists.map((list) => [
      list.qid,
      new Map(list.docids.filter((_, i) => list.labels[i] === 1).map((id) => [id, 1])),
    ]),
  );

/** What the tests of the training loop train on, and how. */
export const TRUTH = [0.2, 2, -1.5, 1];
const all = drawLists(new Random(11), 180, TRUTH, 0.15);
export const DATA = { train: all.slice(0, 100), dev: all.slice(100, 130), qrels: judgementsOf(all) };
export const TEST = all.slice(130);
export const OPTIONS: DistilOptions = {
  loss: 'ckl',
  teacherTemperature: 1,
  epochs: 12,
  batch: 16,
  learningRate: 0.05,
  patience: 12,
  refreshRanks: 7,
  seed: 3,
};
