// What all benchmarks share: batches, the least of many timings, machine facts, results as JSON.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';

/** A batch of normal scores with one positive per query at a random position; the same for the same shape. */
export function makeBatch(queries, docs) {
  let state = 12345;
  const uniform = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
  const student = Float32Array.from({ length: queries * docs }, normal);
  const teacher = Float32Array.from({ length: queries * docs }, normal);
  const labels = new Uint8Array(queries * docs);
  for (let b = 0; b < queries; b++) labels[b * docs + Math.floor(uniform() * docs)] = 1;
  return { student, teacher, labels, shape: [queries, docs] };
}

/** Least time of one call in nanoseconds, over at least `seconds` and 10 calls. */
export function leastTime(call, seconds = 0.3) {
  let least = Infinity;
  const end = performance.now() + seconds * 1e3;
  for (let k = 0; k < 10 || performance.now() < end; k++) {
    const start = process.hrtime.bigint();
    call();
    const took = Number(process.hrtime.bigint() - start);
    if (took < least) least = took;
  }
  return least;
}

/** Mean time of one call in nanoseconds, the least of `rounds` rounds of `calls` calls: for calls too short to time alone. */
export function leastMean(call, calls = 20000, rounds = 30) {
  let least = Infinity;
  for (let r = 0; r < rounds; r++) {
    const start = process.hrtime.bigint();
    for (let k = 0; k < calls; k++) call();
    least = Math.min(least, Number(process.hrtime.bigint() - start) / calls);
  }
  return least;
}

/** The same for a call on an argument that is new each time: `make` is outside the clock, and what it made still in cache. */
export function leastMeanOver(make, call, calls = 200, rounds = 500) {
  let least = Infinity;
  for (let r = 0; r < rounds; r++) {
    const made = Array.from({ length: calls }, make);
    const start = process.hrtime.bigint();
    for (const argument of made) call(argument);
    least = Math.min(least, Number(process.hrtime.bigint() - start) / calls);
  }
  return least;
}

/**
 * Mean times of several calls in nanoseconds, each the least of its rounds. A round of one follows a round of the other, for what else the
 * machine does changes with time. `make` gives the argument of a call, outside the clock.
 */
export function leastMeans(calls, make, perRound = 200, rounds = 400) {
  const least = calls.map(() => Infinity);
  for (let r = 0; r < rounds; r++) {
    for (const [k, call] of calls.entries()) {
      const made = Array.from({ length: perRound }, make);
      const start = process.hrtime.bigint();
      for (const argument of made) call(argument);
      least[k] = Math.min(least[k], Number(process.hrtime.bigint() - start) / perRound);
    }
  }
  return least;
}

/** The commit that is measured, with a + if sources differ from it; CKL_COMMIT overrides it outside a repository. */
export function commit() {
  if (process.env.CKL_COMMIT) return process.env.CKL_COMMIT;
  try {
    const run = (...args) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return (
      run('rev-parse', '--short', 'HEAD').trim() +
      (run('status', '--porcelain', 'src', 'cuda', 'lib').trim() ? '+' : '')
    );
  } catch {
    return 'unknown';
  }
}

export function machine() {
  const cpu = os.cpus()[0]?.model ?? 'unknown';
  let flags = '';
  try {
    flags = /model\s*:\s*(\d+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  } catch {
    // not Linux
  }
  return {
    cpu: flags ? `${cpu} (model ${flags})` : cpu,
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    os: `${os.type()} ${os.release().replace(/-.*/, '')}`,
    node: process.version,
  };
}

/** Prints rows as a table and writes them where --json says. */
export function report(question, rows, extra = {}) {
  const { values } = parseArgs({ options: { json: { type: 'string' } }, strict: false });
  console.log(`\n${question}`);
  console.table(rows);
  if (!values.json) return;
  const result = {
    question,
    ...machine(),
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    ...extra,
    rows,
  };
  writeFileSync(values.json, JSON.stringify(result, null, 1) + '\n');
}

export const round = (x, digits = 3) => Number(x.toFixed(digits));
