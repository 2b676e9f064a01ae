// RankTracker: the schedule, the rules for what it has not seen, and saving.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ckl, ranks, RankTracker, type RankTrackerState } from '../../../lib/index';
import { competitionRanks } from '../reference/losses';
import { errorOf, expectSameBits, randomNumbers } from '../loss/helpers';

const saved = (tracker: RankTracker): RankTrackerState => JSON.parse(JSON.stringify(tracker));

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

  it('ids are the same when their text is', () => {
    const tracker = new RankTracker();
    const ids = [0, '007', '7', 2 ** 31 - 1, 2 ** 31, '2147483649', 1.5, -3, '', 'é', '4294967296000'];
    tracker.set(12, ids);
    ids.forEach((id, i) => expect(tracker.rank('12', String(id)), String(id)).toBe(i + 1));
    expect(tracker.rank(12, -0)).toBe(1);
  });

  it('texts that only JavaScript reads as a whole number are ids of their own', () => {
    const tracker = new RankTracker({ depth: 200 });
    const whole = [
      7, 9, 10, 70, 99, 100, 700, 999, 1000, 1500, 5000, 7000, 9999, 10_000, 15_000, 70_000, 100_000, 125_000,
      999_999, 1e6, 1_048_575, 1_048_576, 9_999_999,
    ];
    const larger = [1e7, 99_999_999, 123_456_789, 1e9, 2 ** 31 - 1];
    const others = [
      '7e2',
      '7E2',
      '15e2',
      '1e06',
      '7e+3',
      '7e03',
      '70e03',
      '7e004',
      '1.e3',
      '1.5e4',
      '1.25E5',
      '.5e4',
      '1e1',
      '0x7',
      '0xF4240',
      '0xfffff',
      '0Xabcde',
      '',
      ' ',
      '\n',
      '.7e4',
      '1e6',
      '0x7fffffff',
      '0b111',
      '+7',
      '-7',
      ' 7',
      '7 ',
      '7.',
      '7.0',
      '.7e1',
      '07',
      '00',
      '-0',
      '7_0',
      '7a',
      '70:',
      '7/',
      '9999999a',
      '12345678a',
      '7\0',
      '٧',
    ];
    tracker.set('q', [...whole, ...larger, ...others]);
    const documents = [...whole.map(String), ...larger.map(String), ...others];
    const filled = tracker.fill({ queries: ['q'], documents, shape: [1, documents.length] });
    expect([...filled]).toEqual(documents.map((_, i) => i + 1));
    const numbers = [...whole, ...larger];
    const again = tracker.fill({ queries: ['q'], documents: numbers, shape: [1, numbers.length] });
    expect([...again]).toEqual(numbers.map((_, i) => i + 1));
    // In a tracker that lists only the numbers, none of the texts is found.
    const other = new RankTracker({ depth: 200 });
    other.set('q', numbers);
    expect(others.filter((id) => other.rank('q', id) !== Infinity)).toEqual([]);
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

describe('saving', () => {
  it('round trips exactly, and goes on as the original does', () => {
    const tracker = new RankTracker({ every: 7, depth: 5, unlisted: 'next', unseen: 'error' });
    const next = randomNumbers(1);
    for (let q = 0; q < 200; q++) {
      const documents = Array.from({ length: 8 }, (_, i) => (q % 2 ? `doc-${q}-${i}` : q * 100 + i));
      tracker.set(
        q % 3 ? q : `query ${q}`,
        documents,
        documents.map(() => Math.round(next() * 6)),
      );
    }
    tracker.refreshed();
    tracker.tick(5);
    const copy = RankTracker.fromJSON(saved(tracker));
    expect(saved(copy)).toEqual(saved(tracker));
    for (let step = 0; step < 4; step++) expect(copy.tick()).toBe(tracker.tick());
    const queries = [0, 1, 'query 3', 4];
    const documents = queries.flatMap((q) =>
      [0, 1, 2, 99].flatMap((i) => [`doc-${q}-${i}`, Number(String(q).replace(/\D/g, '')) * 100 + i]),
    );
    const request = { queries: ['query 0', 1, 'query 3', 4], documents, shape: [4, 8] as const };
    expectSameBits(copy.fill(request), tracker.fill(request));
    copy.set('query 0', ['fresh']);
    expect(tracker.rank('query 0', 'fresh')).toBe(6);
  });

  it('an empty tracker', () => {
    expect(RankTracker.fromJSON(saved(new RankTracker()))).toMatchObject({ size: 0, due: true, batches: 0 });
  });

  const state = (change: object) => ({ ...saved(new RankTracker()), ...change }) as RankTrackerState;
  it.each([
    ['nothing', undefined as never, /it is undefined/],
    ['another object', {} as never, /format undefined/],
    ['another format', state({ format: 'x' }), /format 'x'/],
    ['a count below 0', state({ batches: -1 }), /batches is -1/],
    ['a refresh in the future', state({ refreshedAt: 5 }), /refreshedAt is 5/],
    ['rankings that are no list', state({ rankings: {} }), /rankings is an object/],
    ['a ranking with too few ranks', state({ rankings: [['q', ['a'], []]] }), /rankings\[0\]/],
    ['a rank beyond the depth', state({ rankings: [['q', ['a'], [51]]] }), /ranks from 1 to 50/],
    ['an id that is none', state({ rankings: [['q', [null], [1]]] }), /rankings\[0\]/],
  ])('%s is an error', (_, value, message) => {
    expect(errorOf(() => RankTracker.fromJSON(value))).toMatchObject({
      code: 'ERR_CKL_TRACKER',
      message: expect.stringMatching(message),
    });
  });

  it('with an option that is not allowed is an error', () => {
    expect(errorOf(() => RankTracker.fromJSON(state({ depth: -1 }))).code).toBe('ERR_CKL_OPTION');
  });

  it('keeps 100 000 queries of 50 documents in less than 100 MB', () => {
    // In a process of its own: what the test runner does in the meantime is not the tracker's.
    const code = `
      const { RankTracker } = require('.');
      const used = () => { gc(); const { heapUsed, external } = process.memoryUsage(); return heapUsed + external; };
      const before = used();
      const tracker = new RankTracker();
      const list = new Array(50);
      for (let q = 0; q < 100_000; q++) {
        for (let i = 0; i < 50; i++) list[i] = (q * 7919 + i * 104_729) % 8_841_823;
        tracker.set(q, list);
      }
      console.log(JSON.stringify([used() - before, tracker.size, tracker.rank(99_999, list[49])]));`;
    const out = execFileSync(process.execPath, ['--expose-gc', '-e', code], {
      cwd: join(__dirname, '../../..'),
      encoding: 'utf8',
    });
    const [growth, size, rank] = JSON.parse(out);
    expect([size, rank]).toEqual([100_000, 50]);
    expect(growth).toBeLessThan(100e6);
    expect(growth).toBeGreaterThan(20e6); // 5 million documents: less was not measured
  });
});
