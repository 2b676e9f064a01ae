// The binary state of a RankTracker: what is restored behaves as what was saved, and anything else is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankTracker } from '../../../lib/index';
import { errorOf, randomNumbers } from '../loss/helpers';

const id = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 200 }).map(String),
  fc.constantFrom(
    '007',
    '-1',
    'é',
    '\ud800',
    '漢',
    '2147483647',
    '2147483648',
    '',
    -3.5,
    1e300,
    'a'.repeat(70),
  ),
);

/** Rankings with and without scores, replaced and deleted, so that the arrays have gaps. */
function made(
  seed: number,
  queries: readonly (string | number)[],
  documents: readonly (string | number)[],
): RankTracker {
  const next = randomNumbers(seed);
  const tracker = new RankTracker({ depth: 5, every: 3, unlisted: 'next', unseen: 'error' });
  const distinct = [...new Map(documents.map((document) => [String(document), document])).values()];
  for (let step = 0; step < 40; step++) {
    const query = queries[Math.floor(next() * queries.length)];
    const list = distinct.filter(() => next() < 0.4);
    if (next() < 0.2) tracker.delete(query);
    else tracker.set(query, list, next() < 0.5 ? undefined : list.map(() => Math.round(3 * next())));
    if (next() < 0.3) tracker.tick();
    if (next() < 0.2) tracker.refreshed();
  }
  return tracker;
}

describe('toBytes', () => {
  it('restores what toJSON says, and goes on alike', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(id, { minLength: 1, maxLength: 6 }),
        fc.array(id, { maxLength: 12 }),
        (seed, queries, documents) => {
          const tracker = made(seed, queries, documents);
          const bytes = tracker.toBytes();
          // A view that begins at an odd byte, as a slice of a file may.
          const moved = new Uint8Array(bytes.length + 3).subarray(3);
          moved.set(bytes);
          const restored = RankTracker.fromBytes(moved);
          moved.fill(0);
          expect(restored.toJSON()).toEqual(tracker.toJSON());
          for (const one of [tracker, restored]) {
            one.set(queries[0], ['new', 7]);
            one.set('another', documents.slice(0, 1));
            one.tick(2);
          }
          expect(restored.toJSON()).toEqual(tracker.toJSON());
          expect(RankTracker.fromJSON(restored.toJSON()).toJSON()).toEqual(tracker.toJSON());
          expect([restored.due, restored.depth, restored.unseen]).toEqual([tracker.due, 5, 'error']);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes 4 bytes a document without ties, and 6 with', () => {
    const tracker = new RankTracker();
    const list = Array.from({ length: 50 }, (_, i) => 8_000_000 + i);
    for (let query = 0; query < 1000; query++) tracker.set(query, list);
    expect(tracker.toBytes().length / 50_000).toBeLessThan(4.3);
    const scores = list.map((_, i) => i >> 1);
    for (let query = 0; query < 1000; query++) tracker.set(query, list, scores);
    expect(tracker.toBytes().length / 50_000).toBeLessThan(6.3);
  });

  it('refuses what is not all of a state', () => {
    const tracker = made(7, [1, 'q'], [1, 2, 'é', 'x']);
    tracker.set('q', ['x', 'é', 4]);
    tracker.set(1, [5, 6], [1, 1]);
    const bytes = tracker.toBytes();
    const refused = (state: unknown) =>
      expect(errorOf(() => RankTracker.fromBytes(state as Uint8Array))).toMatchObject({
        code: 'ERR_CKL_TRACKER',
        message: expect.stringMatching(/^not the saved state of a rank tracker: /),
      });
    for (const state of [undefined, {}, [...bytes], tracker.toJSON(), new Uint8Array(0)]) refused(state);
    for (let length = 0; length < bytes.length; length++) refused(bytes.slice(0, length));
    refused(Uint8Array.of(...bytes, 0));
    expect(RankTracker.fromBytes(bytes).toJSON()).toEqual(tracker.toJSON());
  });

  it('refuses a code without a name, and a rank beyond the depth', () => {
    const tracker = new RankTracker({ depth: 50 });
    tracker.set(
      1,
      Array.from({ length: 12 }, (_, i) => (i < 11 ? i : 'x')),
    );
    const bytes = Buffer.from(tracker.toBytes());
    const [code, depth] = [bytes.indexOf(Buffer.of(0, 0, 0, 0x80)), bytes.indexOf('50')];
    const unnamed = Buffer.from(bytes);
    unnamed[code] = 1;
    expect(() => RankTracker.fromBytes(unnamed)).toThrow('an id has no name');
    const shallow = Buffer.from(bytes);
    shallow.write('11', depth);
    expect(() => RankTracker.fromBytes(shallow)).toThrow('a rank is 12, not 1 to 11');
    shallow.write('12', depth);
    expect(RankTracker.fromBytes(shallow).rank(1, 'x')).toBe(12);
  });

  it('of changed bytes makes a tracker or an error with a code', () => {
    const tracker = made(3, [1, 2, 'q'], [1, 2, 'é', 'x', 5]);
    const bytes = tracker.toBytes();
    const next = randomNumbers(11);
    for (let step = 0; step < 2000; step++) {
      const changed = bytes.slice();
      changed[Math.floor(next() * changed.length)] = Math.floor(next() * 256);
      try {
        RankTracker.fromBytes(changed).toJSON();
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^ERR_CKL_/);
      }
    }
  });
});

describe('fill', () => {
  it('finds what rank says, in lists of all lengths', () => {
    const next = randomNumbers(9);
    const tracker = new RankTracker({ depth: 60_000 });
    const lengths = [0, 1, 3, 50, 127, 128, 129, 1000, 70_000];
    lengths.forEach((length, query) => {
      const list = Array.from({ length }, (_, i) => i * 7);
      // All tie: a list may be longer than the depth.
      tracker.set(query, list, length > 60_000 ? list.map(() => 1) : undefined);
    });
    for (const docs of [1, 3, 4, 40]) {
      for (let round = 0; round < 20; round++) {
        const queries = lengths.map((_, query) => query);
        const documents = queries.flatMap((query) =>
          Array.from(
            { length: docs },
            () => Math.floor(next() * (lengths[query] + 3)) * (next() < 0.5 ? 7 : 5),
          ),
        );
        const filled = tracker.fill({ queries, documents, shape: [queries.length, docs] });
        expect([...filled]).toEqual(
          documents.map((document, i) => tracker.rank(Math.floor(i / docs), document)),
        );
      }
    }
  });

  it('may be called by the very list that it reads', () => {
    const tracker = new RankTracker();
    tracker.set(1, [10, 11, 12, 13, 14]);
    const inner = { queries: [1], documents: [14, 13, 12, 11], shape: [1, 4] as const };
    const documents = [10, 11, 12, 13];
    Object.defineProperty(documents, 3, { get: () => (tracker.fill(inner), 13) });
    expect([...tracker.fill({ queries: [1], documents, shape: [1, 4] })]).toEqual([1, 2, 3, 4]);
  });
});
