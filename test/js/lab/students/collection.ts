// Random texts for the tests of the students, and the check of their gradients.
import type { Bag, BagList } from '../../../../lib/lab/students/words/bags';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import { expect } from 'vitest';
import type { TableStudent } from '../../../../lib/lab/students/table-student';
import type { Random } from '../../../../lib/lab/training/random';

/** Three to five different words of `vocabulary`, with weights from 0.5 to 1.5. */
export function drawBag(random: Random, vocabulary: number): Bag {
  const words = random.shuffle([...Array(vocabulary).keys()]).slice(0, 3 + random.below(3));
  return {
    words: Int32Array.from(words),
    weights: Float32Array.from(words, () => 0.5 + random.next()),
    counts: Float32Array.from(words, () => 1),
    length: 1,
  };
}

export function drawBagList(random: Random, vocabulary: number, docs: number): BagList {
  return {
    qid: 'q',
    docids: Array.from({ length: docs }, (_, d) => `d${d}`),
    teacher: Float32Array.from({ length: docs }, () => random.normal()),
    labels: Uint8Array.from({ length: docs }, (_, d) => (d === 0 ? 1 : 0)),
    query: drawBag(random, vocabulary),
    documents: Array.from({ length: docs }, () => drawBag(random, vocabulary)),
  };
}

/** Compares the gradient of every parameter with central differences of Σ score · upstream. */
export function checkGradient<L extends CandidateList>(
  student: TableStudent<L>,
  list: L,
  random: Random,
): void {
  const size = list.docids.length;
  const upstream = Float32Array.from({ length: size }, () => random.normal());
  const weighted = () => {
    student.forget();
    const scores = new Float32Array(size);
    student.score(list, scores, 0);
    return scores.reduce((sum, score, d) => sum + score * upstream[d], 0);
  };
  weighted();
  student.backward(list, upstream, 0);
  let largest = 0;
  const gradients = Object.fromEntries(
    Object.keys(student.parameters).map((name) => [name, student.gradient(name).slice()]),
  );
  for (const [name, values] of Object.entries(student.parameters)) {
    const gradient = gradients[name];
    expect(gradient).toHaveLength(values.length);
    values.forEach((kept, i) => {
      const step = 2 ** -7;
      values[i] = kept + step;
      const above = weighted();
      values[i] = kept - step;
      const below = weighted();
      values[i] = kept;
      const difference = (above - below) / (2 * step);
      expect(Math.abs(gradient[i] - difference), `${name}[${i}]`).toBeLessThan(
        2e-3 * (1 + Math.abs(difference)),
      );
      largest = Math.max(largest, Math.abs(difference));
    });
  }
  expect(largest).toBeGreaterThan(0.1);
}
