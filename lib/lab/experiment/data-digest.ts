// Tells collections apart, so that no run goes on with other data than it began with.
import { createHash, type Hash } from 'node:crypto';
import type { Qrels } from '../../metrics/index.js';
import type { VectorCollection } from '../students/adapter/vector-lists.js';
import type { FeatureList } from '../students/linear/lists.js';
import type { Bag, Collection, Corpus } from '../students/words/bags.js';
import type { CandidateList } from '../training/candidates.js';

const add = (hash: Hash, values: Uint8Array | Float32Array | Float64Array | Int32Array) =>
  hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));

function addBag(hash: Hash, { words, counts }: Bag): void {
  add(hash, words);
  add(hash, counts);
}

function addList(hash: Hash, { qid, docids, teacher, labels }: CandidateList): void {
  hash.update(JSON.stringify([qid, docids]));
  add(hash, teacher);
  add(hash, labels);
}

const addJudgements = (hash: Hash, qrels: Qrels) =>
  hash.update(JSON.stringify([...qrels].map(([qid, levels]) => [qid, [...levels]])));

/** SHA-256 of what a training of a retriever reads: words and texts, the teacher's lists and scores, the labels. */
export function dataDigest({ docids, bags, lists, numbers }: Collection): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([[...numbers.keys()], docids]));
  for (const bag of bags) addBag(hash, bag);
  for (const list of lists) {
    addList(hash, list);
    addBag(hash, list.query);
  }
  return hash.digest('hex');
}

/** SHA-256 of that and of what it is measured on: all judgements, and the collections that are only searched. */
export function fullDigest(
  collection: Collection,
  zeroShot: readonly (Corpus & { queries: ReadonlyMap<string, Bag>; qrels: Qrels })[],
): string {
  const hash = createHash('sha256').update(dataDigest(collection));
  for (const qrels of collection.qrels.values()) addJudgements(hash, qrels);
  for (const { docids, bags, queries, qrels } of zeroShot) {
    hash.update(JSON.stringify([docids, [...queries.keys()]]));
    for (const bag of [...bags, ...queries.values()]) addBag(hash, bag);
    addJudgements(hash, qrels);
  }
  return hash.digest('hex');
}

/** SHA-256 of what a training of the linear student reads and is measured on. */
export function featureDigest(lists: readonly FeatureList[], qrels: ReadonlyMap<string, Qrels>): string {
  const hash = createHash('sha256');
  for (const list of lists) {
    addList(hash, list);
    add(hash, list.features);
  }
  for (const judged of qrels.values()) addJudgements(hash, judged);
  return hash.digest('hex');
}

/** SHA-256 of what a training of an adapter reads and is measured on. */
export function vectorDigest({ lists, qrels, queries, documents }: VectorCollection): string {
  const hash = createHash('sha256');
  for (const { ids, values, offsets } of [queries, documents]) {
    hash.update(JSON.stringify(ids));
    add(hash, values);
    if (offsets) add(hash, offsets);
  }
  for (const list of lists) addList(hash, list);
  for (const judged of qrels.values()) addJudgements(hash, judged);
  return hash.digest('hex');
}
