// Tells two collections apart, so that nothing goes on with other data than it began with.
import { createHash } from 'node:crypto';
import type { Bag, Collection } from '../students/words/bags.js';

/** SHA-256 of what a training reads: words and texts, the teacher's lists and scores, the labels. */
export function dataDigest({ docids, bags, lists, numbers }: Collection): string {
  const hash = createHash('sha256');
  const add = (values: Uint8Array | Float32Array | Int32Array) =>
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const addBag = ({ words, counts }: Bag) => {
    add(words);
    add(counts);
  };
  hash.update(JSON.stringify([[...numbers.keys()], docids]));
  bags.forEach(addBag);
  for (const { qid, docids: candidates, teacher, labels, query } of lists) {
    hash.update(JSON.stringify([qid, candidates]));
    add(teacher);
    add(labels);
    addBag(query);
  }
  return hash.digest('hex');
}
