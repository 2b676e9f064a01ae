// A teacher's scores of training queries: loaded from a run, then a step's lists drawn from them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { round } from '../lib/harness.mjs';
import { distinct, PASSAGES, uniform, writeAll } from '../lib/scale-made.mjs';

const QUERIES = { small: 50_000, full: 502_939, huge: 502_939 };
const DEPTH = 64;
const BATCH = 16;

export function cases(size) {
  const queries = QUERIES[size];
  return [
    {
      name: 'teacher scores',
      unit: 'score',
      count: queries * DEPTH,
      make(dir) {
        const path = join(dir, `teacher-${queries}x${DEPTH}.trec`);
        function* lines() {
          for (let query = 0; query < queries; query++) {
            const random = uniform(query);
            for (const doc of distinct(DEPTH, PASSAGES, random))
              yield `${13 * query} Q0 ${doc} 0 ${(12 * random() - 4).toFixed(5)} t\n`;
          }
        }
        return { path: existsSync(path) ? path : writeAll(path, lines()) };
      },
      async work(load, { path }) {
        const { TeacherScores } = load('data/bytes/teacher-scores.js');
        const scores = await TeacherScores.load(path);
        if (scores.count !== queries * DEPTH) throw new Error('not all scores were read');
        const loaded = process.cpuUsage();
        const random = uniform(1);
        const steps = 500;
        for (let step = 0; step < steps * BATCH; step++) scores.list(Math.floor(random() * queries));
        const { user, system } = process.cpuUsage(loaded);
        return { [`step of ${BATCH} lists, µs`]: round((user + system) / steps, 1) };
      },
    },
  ];
}
