// RankTracker: the schedule, rankings, and batches filled with ranks, including those of queries and documents that it has not seen.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ckl, ranks, RankTracker } from '../../../lib/index';
import { competitionRanks } from '../reference/losses';
import { errorOf, expectSameBits, randomNumbers } from '../loss/helpers';

describe('the schedule', () => {
  it('is due before the first refresh, then every so many batches', () => {
    const tracker = new RankTracker({ every: 3 });
    expect(tracker.due).toBe(true);
    tracker.refreshed();
    expect(tracker.due).toBe(false);
    expect([tracker.tick(), tracker.tick(), tracker.tick()]).toEqual([false, false, true]);
    expect(tracker.tick()).toBe(true);
    tracker.refreshed();
    expect(tracker.tick(2)).toBe(false);
    expect(tracker.tick(5)).toBe(true);
    expect(tracker.batches).toBe(11);
  });

  it('has the paper’s numbers by default', () => {
    expect(new RankTracker()).toMatchObject({
      every: 2000,
      depth: 50,
      unlisted: 'infinity',
      unseen: 'current',
    });
  });
});

describe('rankings', () => {
  it('from a sorted list', () => {
    const tracker = new RankTracker();
    tracker.set('q1', ['b', 'a', 7]);
    expect(['b', 'a', 7, '7'].map((id) => tracker.rank('q1', id))).toEqual([1, 2, 3, 3]);
    expect(tracker.rank('q2', 'a')).toBeUndefined();
    expect([tracker.size, tracker.has('q1'), tracker.has('q2')]).toEqual([1, true, false]);
  });

  it('from scores: competition ranks, cut at the depth; ties at the depth all stay', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 80 }),
        fc.integer({ min: 1, max: 30 }),
        (seed, n, depth) => {
          const next = randomNumbers(seed);
          const scores = Array.from({ length: n }, () => Math.round(next() * 20));
          const documents = scores.map((_, i) => `d${i}`);
          const tracker = new RankTracker({ depth });
          tracker.set(1, documents, scores);
          competitionRanks(scores).forEach((rank, i) => {
            expect(tracker.rank(1, documents[i])).toBe(rank <= depth ? rank : Infinity);
          });
        },
      ),
    );
  });

  it('are replaced as a whole, and forgotten', () => {
    const tracker = new RankTracker();
    tracker.set('q', ['a', 'b', 'c']);
    tracker.set('q', ['c']);
    expect([tracker.rank('q', 'a'), tracker.rank('q', 'c')]).toEqual([Infinity, 1]);
    tracker.set('q', ['x', 'c', 'a', 'b', 'y']);
    expect(tracker.rank('q', 'y')).toBe(5);
    expect([tracker.delete('q'), tracker.delete('q'), tracker.size]).toEqual([true, false, 0]);
  });

  it('of many queries, set in any order and length, stay apart', () => {
    const tracker = new RankTracker({ depth: 40 });
    const next = randomNumbers(5);
    const truth = new Map<number, number[]>();
    for (let step = 0; step < 5000; step++) {
      const query = Math.floor(next() * 300);
      const start = Math.floor(next() * 1e9);
      const list = Array.from({ length: Math.floor(next() * 40) }, (_, i) => start + i);
      if (next() < 0.05) {
        tracker.delete(query);
        truth.delete(query);
      } else {
        tracker.set(query, list);
        truth.set(query, list);
      }
    }
    expect(tracker.size).toBe(truth.size);
    for (const [query, list] of truth) {
      list.forEach((document, i) => {
        if (tracker.rank(query, document) !== i + 1) expect.fail(`query ${query}, document ${document}`);
      });
    }
  });

  it.each([
    [
      'a NaN score',
      () => new RankTracker().set('q', ['a', 'b'], [1, NaN]),
      'ERR_CKL_TRACKER',
      /scores\[1\] is NaN/,
    ],
    [
      'too few scores',
      () => new RankTracker().set('q', ['a', 'b'], [1]),
      'ERR_CKL_TRACKER',
      /2 documents have 1 scores/,
    ],
    [
      'a document twice',
      () => new RankTracker().set('q', ['a', 5, '5']),
      'ERR_CKL_TRACKER',
      /query q hold 5 twice/,
    ],
    [
      'a document without an id',
      () => new RankTracker().set('q', [null as never]),
      'ERR_CKL_TYPE',
      /documents\[0\] is null/,
    ],
    ['a query without an id', () => new RankTracker().set(NaN, []), 'ERR_CKL_TYPE', /query is NaN/],
    ['a depth of 0', () => new RankTracker({ depth: 0 }), 'ERR_CKL_OPTION', /depth is 0/],
    ['a depth too large', () => new RankTracker({ depth: 65536 }), 'ERR_CKL_OPTION', /from 1 to 65535/],
    ['a fractional schedule', () => new RankTracker({ every: 0.5 }), 'ERR_CKL_OPTION', /every is 0\.5/],
    [
      'an unknown rule',
      () => new RankTracker({ unlisted: 'last' as never }),
      'ERR_CKL_OPTION',
      /infinity or next/,
    ],
    [
      'a misspelt option',
      () => new RankTracker({ evry: 5 } as never),
      'ERR_CKL_OPTION',
      /did you mean "every"/,
    ],
    ['a negative tick', () => new RankTracker().tick(-1), 'ERR_CKL_OPTION', /batches is -1/],
  ])('%s is an error', (_, action, code, message) => {
    const error = errorOf(action);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });
});

describe('fill', () => {
  const layout = { queries: ['q', 'r'], documents: ['a', 'b', 'z', 'c', null, 'a'], shape: [2, 3] as const };
  const filled = (options = {}) => {
    const tracker = new RankTracker({ depth: 2, ...options });
    tracker.set('q', ['b', 'a', 'z']);
    tracker.set('r', ['a', 'c'], [3, 3]);
    return tracker;
  };

  it('looks up every document; one outside the list gets Infinity, padding too', () => {
    expect([...filled().fill(layout)]).toEqual([2, 1, Infinity, 1, Infinity, 1]);
  });

  it('or the next rank, when the tracker is made so', () => {
    expect([...filled({ unlisted: 'next' }).fill(layout)]).toEqual([2, 1, 3, 1, Infinity, 1]);
  });

  it('fills ragged lists, and strided rows without touching the gaps', () => {
    const offsets = Int32Array.of(0, 2, 3);
    expect([...filled().fill({ queries: ['q', 'r'], documents: ['a', 'b', 'c'], offsets })]).toEqual([
      2, 1, 1,
    ]);
    const out = new Float32Array(5).fill(-1);
    const documents = ['a', 'b', 'gap', 'c', 'a'];
    expect(filled().fill({ queries: ['q', 'r'], documents, shape: [2, 2], rowStride: 3 }, out)).toBe(out);
    expect([...out]).toEqual([2, 1, -1, 1, 1]);
  });

  it('gives an unseen query the ranks of the batch’s scores, as a loss without ranks takes', () => {
    const student = Float32Array.of(1, 2, 3, 5, 9, 4);
    const labels = Uint8Array.of(1, 0, 0, 1, 255, 0);
    const result = filled().fill({ ...layout, queries: ['q', 'new'], student, labels });
    expect([...result]).toEqual([2, 1, Infinity, 1, Infinity, 2]);
    const teacher = new Float32Array(6);
    const batch = { student, teacher, labels, shape: [2, 3] as const };
    const onlyNew = new RankTracker().fill({ ...layout, queries: [1, 2], student, labels });
    expectSameBits(ckl({ ...batch, ranks: onlyNew }).grad, ckl(batch).grad);
    expect([...onlyNew].map((r) => (r === Infinity ? 0 : r))).toEqual([
      ...ranks({ student, labels, shape: [2, 3] }),
    ]);
  });

  it.each([
    [
      'an unseen query without scores',
      {},
      { queries: ['q', 'new'] },
      'ERR_CKL_TRACKER',
      /query 'new' has no ranking; set\(\) one, or give/,
    ],
    [
      'an unseen query, when that is an error',
      { unseen: 'error' },
      { queries: ['new', 'r'], student: new Float32Array(6) },
      'ERR_CKL_TRACKER',
      /unseen: 'current'/,
    ],
    ['too few query ids', {}, { queries: ['q'] }, 'ERR_CKL_SHAPE', /queries has 1 ids; the batch needs 2/],
    [
      'too few document ids',
      {},
      { documents: ['a'] },
      'ERR_CKL_SHAPE',
      /documents has 1 ids; the batch needs 6/,
    ],
    ['a query id that is none', {}, { queries: ['q', null] }, 'ERR_CKL_TYPE', /queries\[1\] is null/],
    [
      'a document id that is none',
      {},
      { documents: ['a', 'b', {}, 'a', 'b', 'c'] },
      'ERR_CKL_TYPE',
      /documents\[2\] is an object/,
    ],
    ['ids that are no array', {}, { queries: 'qr' }, 'ERR_CKL_TYPE', /queries is 'qr'/],
    [
      'descending offsets',
      {},
      { shape: undefined, offsets: Int32Array.of(3, 2, 6) },
      'ERR_CKL_OFFSETS',
      /offsets\[0\] is 3 and offsets\[1\] is 2; .* never descend/,
    ],
    ['no layout', {}, { shape: undefined }, 'ERR_CKL_SHAPE', /shape is missing/],
  ])('%s is an error and leaves the output alone', (_, options, change, code, message) => {
    const out = new Float32Array(6).fill(-5);
    const error = errorOf(() => filled(options).fill({ ...layout, ...(change as object) }, out));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect([...out].every((v) => v === -5)).toBe(true);
  });

  it('an output of the wrong kind or length is an error', () => {
    expect(errorOf(() => filled().fill(layout, new Float64Array(6) as never)).code).toBe('ERR_CKL_TYPE');
    expect(errorOf(() => filled().fill(layout, new Float32Array(5))).code).toBe('ERR_CKL_SHAPE');
  });
});
