// Digests tell apart all that a training reads and is measured on, and are the same for the same.
import { describe, expect, it } from 'vitest';
import { featureDigest, vectorDigest } from '../../../../lib/lab/experiment/data-digest';

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
