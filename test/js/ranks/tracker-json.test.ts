// RankTracker saved as JSON and read again, and the memory that it takes.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RankTracker, type RankTrackerState } from '../../../lib/index';
import { errorOf, expectSameBits, randomNumbers } from '../loss/helpers';

const saved = (tracker: RankTracker): RankTrackerState => JSON.parse(JSON.stringify(tracker));

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
