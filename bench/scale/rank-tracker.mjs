// RankTracker: documents of kept rankings, set, filled into batches, saved and restored.
import { round } from '../lib/harness.mjs';
import { distinct, PASSAGES, uniform } from '../lib/scale-made.mjs';

const QUERIES = { small: 50_000, full: 500_000, huge: 500_000 };
const DEPTH = 50;
const [BATCH, DOCS] = [16, 32];

/** CPU milliseconds, which do not grow where other processes take their turn. */
function cpuMs(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
}

export function cases(size) {
  const queries = QUERIES[size];
  return [
    {
      name: 'rank tracker',
      unit: 'document',
      count: queries * DEPTH,
      make: () => ({}),
      work(load) {
        const { RankTracker } = load('index.js');
        const tracker = new RankTracker({ depth: DEPTH });
        const idOf = (query) => String(1_000_000 + 13 * query);
        const listOf = (query) => [...distinct(DEPTH, PASSAGES, uniform(query))].map(String);
        for (let query = 0; query < queries; query++) tracker.set(idOf(query), listOf(query));
        const filling = (as) => {
          const batches = Array.from({ length: 64 }, (_, b) => {
            const ids = Array.from({ length: BATCH }, (_, i) => (b * 7919 + i * 104_729) % queries);
            return {
              queries: ids.map((query) => as(idOf(query))),
              documents: ids.flatMap((query) => {
                const list = listOf(query);
                return Array.from({ length: DOCS }, (_, i) => as(i < 24 ? list[2 * i] : String(i)));
              }),
              shape: [BATCH, DOCS],
            };
          });
          const out = new Float32Array(BATCH * DOCS);
          let at = 0;
          let least = Infinity;
          // Short rounds, of which some are left alone by other processes.
          for (let round = 0; round < 160; round++) {
            const took = cpuMs(() => {
              for (let i = 0; i < 128; i++) tracker.fill(batches[at++ % 64], out);
            });
            least = Math.min(least, took / 128);
          }
          return round(1e3 * least, 1);
        };
        const more = {
          [`fill of ${BATCH} × ${DOCS}, µs`]: filling(String),
          'the same, ids as numbers': filling(Number),
        };
        if (!tracker.toBytes) return more;
        const state = tracker.toBytes();
        let restored;
        const took = cpuMs(() => (restored = RankTracker.fromBytes(state)));
        if (restored.size !== queries) throw new Error('not all was restored');
        more['state, bytes a unit'] = round(state.length / (queries * DEPTH), 2);
        more['restored in, CPU s'] = round(took / 1e3, 2);
        return more;
      },
    },
  ];
}
