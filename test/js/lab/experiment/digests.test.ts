// Digests tell apart all that a training reads and is measured on, and are the same for the same.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  dataDigest,
  featureDigest,
  fullDigest,
  vectorDigest,
} from '../../../../lib/lab/experiment/data-digest';

const list = () => ({
  qid: 'q',
  docids: ['a', 'b'],
  teacher: Float32Array.of(2, 1),
  labels: Uint8Array.of(1, 0),
});
const qrels = () => new Map([['test', new Map([['q', new Map([['a', 1]])]])]]);
type Change<T> = [what: string, change: (data: T) => void];

/** Each change gives another digest than no change, and than every other one. */
function expectApart<T>(make: () => T, digest: (data: T) => string, changes: readonly Change<T>[]) {
  const found = changes.map(([, change]) => {
    const data = make();
    change(data);
    return digest(data);
  });
  expect(digest(make())).toBe(digest(make()));
  expect(new Set([digest(make()), ...found]).size).toBe(1 + changes.length);
}

const ofLists: Change<{ lists: ReturnType<typeof list>[]; qrels: ReturnType<typeof qrels> }>[] = [
  ['the query', ({ lists }) => (lists[0].qid = 'r')],
  ['a document', ({ lists }) => (lists[0].docids[1] = 'c')],
  ['a score', ({ lists }) => (lists[0].teacher[1] = 1.5)],
  ['a label', ({ lists }) => (lists[0].labels[1] = 1)],
  ['another list', ({ lists }) => void lists.push(list())],
  ['a level', (data) => data.qrels.get('test')!.get('q')!.set('a', 2)],
  ['another judgement', (data) => data.qrels.get('test')!.get('q')!.set('b', 1)],
];

describe('the digest of vectors', () => {
  const vectors = (at: number, rows: number) => ({
    ids: Array.from({ length: rows }, (_, i) => `${at}-${i}`),
    values: Float32Array.from({ length: 2 * rows }, (_, i) => at + i),
    ...{ dim: 2, bytes: 4 },
  });
  const make = () => ({
    ...{ lists: [list()], qrels: qrels(), judged: new Map<string, string[]>(), namesakes: [] },
    ...{ queries: vectors(1, 1), documents: vectors(5, 2) },
  });
  const digest = (data: object) => vectorDigest(data as unknown as Parameters<typeof vectorDigest>[0]);

  it('is another one for each change', () => {
    expectApart(make, digest, [
      ...ofLists,
      ['the id of a query', ({ queries }) => (queries.ids[0] = 'other')],
      ['the id of a document', ({ documents }) => (documents.ids[1] = 'other')],
      ['a number of a query', ({ queries }) => (queries.values[1] = 0)],
      ['a number of a document', ({ documents }) => (documents.values[3] = 0)],
      ['where texts begin', ({ documents }) => Object.assign(documents, { offsets: Int32Array.of(0, 1, 2) })],
      ['and elsewhere', ({ documents }) => Object.assign(documents, { offsets: Int32Array.of(0, 2, 2) })],
    ]);
  });
});

describe('the digest of features', () => {
  const make = () => ({
    lists: [Object.assign(list(), { features: Float64Array.of(1, 2, 3, 4) })],
    qrels: qrels(),
  });

  it('is another one for each change', () => {
    const digest = (data: ReturnType<typeof make>) =>
      featureDigest(data.lists as unknown as Parameters<typeof featureDigest>[0], data.qrels);
    const changes = ofLists.filter(([what]) => what !== 'another list') as Change<ReturnType<typeof make>>[];
    expectApart(make, digest, [...changes, ['a feature', ({ lists }) => (lists[0].features[2] = 0)]]);
  });
});

describe('the digest of a collection', () => {
  const bag = (...words: number[]) => ({
    words: Int32Array.from(words),
    counts: Float32Array.from(words, (word) => word / 2),
    weights: new Float32Array(words.length),
    length: words.length,
  });
  /** Documents one after the other, as a corpus holds them. */
  const bagsOf = (all: ReturnType<typeof bag>[]) => ({
    rows: { row: (place: number) => all[place] },
    length: all.length,
  });
  const make = () => ({
    numbers: new Map([
      ['red', 0],
      ['"green"', 1],
    ]),
    docids: ['a', 'b'],
    documents: [bag(1, 2, 3), bag(4)],
    lists: [{ ...list(), query: bag(5, 6) }],
  });
  const digest = ({ documents, ...data }: ReturnType<typeof make>) =>
    dataDigest({ ...data, bags: bagsOf(documents) } as unknown as Parameters<typeof dataDigest>[0]);

  it('is another one for each change', () => {
    expectApart(make, digest, [
      ['a word', ({ numbers }) => void numbers.set('blue', 2)],
      ['an id', ({ docids }) => (docids[1] = 'c')],
      ['a word of a document', ({ documents }) => (documents[0].words[1] = 7)],
      ['its count', ({ documents }) => (documents[0].counts[1] = 7)],
      ['another document', ({ documents }) => void documents.push(bag(9))],
      ['a word of a query', ({ lists }) => (lists[0].query.words[0] = 8)],
      ['its count in a query', ({ lists }) => (lists[0].query.counts[0] = 8)],
      ['a score', ({ lists }) => (lists[0].teacher[1] = 1.5)],
    ]);
  });

  it('is that of the JSON of words and ids, then numbers as they lie in memory', () => {
    const { numbers, docids, documents, lists } = make();
    const hash = createHash('sha256').update(JSON.stringify([[...numbers.keys()], docids]));
    const bags = [...documents, undefined, lists[0].query];
    for (const one of bags) {
      if (one) hash.update(new Uint8Array(one.words.buffer)).update(new Uint8Array(one.counts.buffer));
      else
        hash
          .update(JSON.stringify(['q', ['a', 'b']]))
          .update(new Uint8Array(lists[0].teacher.buffer))
          .update(lists[0].labels);
    }
    expect(digest(make())).toBe(hash.digest('hex'));
  });

  it('does not depend on the parts in which it is computed', () => {
    // More than a part of a hash holds, in words and in one document.
    const many = Array.from({ length: 70_000 }, (_, i) => `word${i}`);
    const numbers = new Map(many.map((word, i) => [word, i]));
    const long = bag(...Array.from({ length: 40_000 }, (_, i) => i));
    const documents = [bag(1), long, ...Array.from({ length: 30_000 }, (_, i) => bag(i, i + 1)), long];
    const hash = createHash('sha256').update(JSON.stringify([many, ['a']]));
    for (const { words, counts } of documents)
      hash.update(new Uint8Array(words.buffer)).update(new Uint8Array(counts.buffer));
    expect(digest({ numbers, docids: ['a'], documents, lists: [] })).toBe(hash.digest('hex'));
  });

  it('in full depends on judgements and on what is only searched, too', () => {
    const whole = () => ({
      digest: 'd',
      qrels: qrels(),
      zeroShot: [
        {
          docids: ['x', 'y'],
          documents: [bag(1), bag(2)],
          queries: new Map([['p', bag(3)]]),
          qrels: new Map([['p', new Map([['x', 1]])]]),
        },
      ],
    });
    const full = ({ digest, qrels, zeroShot }: ReturnType<typeof whole>) =>
      fullDigest(
        digest,
        { qrels },
        zeroShot.map(({ documents, ...rest }) => ({
          ...rest,
          bags: bagsOf(documents),
        })) as unknown as Parameters<typeof fullDigest>[2],
      );
    expectApart(whole, full, [
      ['the data', (all) => (all.digest = 'e')],
      ['a judgement', (all) => void all.qrels.get('test')!.get('q')!.set('a', 3)],
      ['an id', ({ zeroShot }) => (zeroShot[0].docids[0] = 'z')],
      ['a document', ({ zeroShot }) => (zeroShot[0].documents[1].words[0] = 5)],
      ['a query', ({ zeroShot }) => (zeroShot[0].queries.get('p')!.words[0] = 5)],
      ['the id of a query', ({ zeroShot }) => void (zeroShot[0].queries = new Map([['r', bag(3)]]))],
      ['its judgement', ({ zeroShot }) => void zeroShot[0].qrels.get('p')!.set('y', 1)],
      ['a collection less', (all) => (all.zeroShot = [])],
    ]);
  });
});
