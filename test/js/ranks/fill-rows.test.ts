// RankTracker.fill: rows and lists of lengths around what the addon takes at once.
import { describe, expect, it } from 'vitest';
import { RankTracker } from '../../../lib/index';
import { randomNumbers } from '../loss/helpers';

describe('fill', () => {
  it.each([1, 15, 16, 17, 32, 33, 48, 100])(
    'looks up rows of %i documents in lists of any length',
    (docs) => {
      const tracker = new RankTracker({ depth: 300 });
      const next = randomNumbers(docs);
      const lengths = [0, 1, 7, 50, 127, 128, 129, 300];
      const lists = lengths.map((length, q) => {
        const list = Array.from({ length }, (_, i) => 1000 * q + 7 * i);
        tracker.set(
          q,
          list,
          Float64Array.from(list, (_, i) => -Math.floor(i / 2)),
        );
        return list;
      });
      const documents = lists.map((list, q) =>
        Array.from({ length: docs }, () => 1000 * q + Math.floor(next() * 7 * (list.length + 5))),
      );
      const out = new Float32Array(lengths.length * docs + 1).fill(-1);
      const ranked = tracker.fill({
        queries: lengths.map((_, q) => q),
        documents: documents.flat(),
        shape: [lengths.length, docs],
      });
      const expected = documents.flatMap((row, q) =>
        row.map((document) => {
          const place = lists[q].indexOf(document);
          return place < 0 ? Infinity : place - (place % 2) + 1;
        }),
      );
      expect([...ranked]).toEqual(expected);
      // In ragged rows, of which the last element of the output is none.
      const offsets = Int32Array.from({ length: lengths.length + 1 }, (_, q) => q * docs);
      tracker.fill(
        { queries: lengths.map((_, q) => q), documents: documents.flat(), offsets },
        out.subarray(0, -1),
      );
      expect([...out]).toEqual([...expected, -1]);
    },
  );
});
