// Digests of data, so that no run resumes with other data than it started with.
import { createHash, type Hash } from 'node:crypto';
import type { Qrels } from '../../metrics/index.js';
import type { VectorCollection } from '../students/adapter/vector-lists.js';
import type { FeatureList } from '../students/linear/lists.js';
import type { Bag, Collection } from '../students/words/bags.js';
import type { Bags } from '../students/words/corpus.js';
import type { CandidateList } from '../training/candidates.js';

/** Number of characters or numbers hashed at a time. */
const PART = 1 << 16;

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

/** Equivalent to adding the JSON of the array, which may exceed the maximum string length. */
function addJson(hash: Hash, texts: Iterable<string>): void {
  let part = '[';
  let isFirst = true;
  for (const text of texts) {
    part += isFirst ? JSON.stringify(text) : `,${JSON.stringify(text)}`;
    isFirst = false;
    if (part.length < PART) continue;
    hash.update(part);
    part = '';
  }
  hash.update(`${part}]`);
}

/** As {@link addBag} adds them one by one. */
function addBags(hash: Hash, { rows, length }: Bags): void {
  let [numbers, at] = [new Int32Array(PART), 0];
  let floats = new Float32Array(numbers.buffer);
  const flush = () => {
    add(hash, numbers.subarray(0, at));
    at = 0;
  };
  for (let place = 0; place < length; place++) {
    const { words, counts } = rows.row(place);
    const size = 2 * words.length;
    if (at + size > numbers.length) flush();
    if (size > numbers.length) {
      numbers = new Int32Array(size);
      floats = new Float32Array(numbers.buffer);
    }
    numbers.set(words, at);
    floats.set(counts, at + words.length);
    at += size;
  }
  flush();
}

/** SHA-256 of what a training of a retriever reads: words and texts, the teacher's lists and scores, the labels. */
export function dataDigest({
  docids,
  bags,
  lists,
  numbers,
}: Pick<Collection, 'docids' | 'bags' | 'lists' | 'numbers'>): string {
  const hash = createHash('sha256');
  hash.update('[');
  addJson(hash, numbers.keys());
  hash.update(',');
  addJson(hash, docids);
  hash.update(']');
  addBags(hash, bags);
  for (const list of lists) {
    addList(hash, list);
    addBag(hash, list.query);
  }
  return hash.digest('hex');
}

/**
 * SHA-256 of that and of what it is measured on: all judgements, and the collections that are only searched.
 *
 * @param digest of {@link dataDigest}
 */
export function fullDigest(
  digest: string,
  { qrels: ownQrels }: Pick<Collection, 'qrels'>,
  zeroShot: readonly {
    docids: Iterable<string>;
    bags: Bags;
    queries: ReadonlyMap<string, Bag>;
    qrels: Qrels;
  }[],
): string {
  const hash = createHash('sha256').update(digest);
  for (const qrels of ownQrels.values()) addJudgements(hash, qrels);
  for (const { docids, bags, queries, qrels } of zeroShot) {
    hash.update('[');
    addJson(hash, docids);
    hash.update(',');
    addJson(hash, queries.keys());
    hash.update(']');
    addBags(hash, bags);
    for (const bag of queries.values()) addBag(hash, bag);
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
