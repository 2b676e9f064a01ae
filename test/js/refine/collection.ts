// Random texts for the tests of the dense student.
import type { Bag, BagList } from '../../../lib/refine/bags';
import type { Random } from '../../../lib/train/random';

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
