// Made files of MS MARCO's shape for bench/scale.mjs: the same bytes for the same seed and size.
import { closeSync, openSync, writeSync } from 'node:fs';

/** The passages of MS MARCO. */
export const PASSAGES = 8_841_823;

/** Numbers from 0 to 1, the same for the same seed. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Writes what a generator of texts yields, about a megabyte at a time. */
export function writeAll(path, texts) {
  const file = openSync(path, 'w');
  let waiting = '';
  for (const text of texts) {
    waiting += text;
    if (waiting.length < 1 << 20) continue;
    writeSync(file, waiting);
    waiting = '';
  }
  writeSync(file, waiting);
  closeSync(file);
  return path;
}

/** So many different whole numbers below `below`, in an order that looks like none. */
export function* distinct(count, below, random) {
  // A step without a divisor in common with `below` passes each number once.
  const divides = (a, b) => (b === 0 ? a : divides(b, a % b));
  let step = 1 + Math.floor(random() * (below - 1));
  while (divides(step, below) !== 1) step = 1 + (step % (below - 1));
  let at = Math.floor(random() * below);
  for (let i = 0; i < count; i++) {
    yield at;
    at = (at + step) % below;
  }
}

/**
 * A TREC run, and judgements of one to three documents of each query, of which most are in the run.
 *
 * @param apart whether the lines of a query stand apart: the n-th documents of all queries follow each other
 */
export function writeRun(
  path,
  { queries, depth, seed = 1, apart = false, passages = PASSAGES, tag = 'made' },
) {
  const idOf = (query) => 1_000_000 + 13 * query;
  const line = (query, doc, rank, random) =>
    `${idOf(query)} Q0 ${doc} ${rank} ${(30 - rank * 0.01 + random() * 0.005).toFixed(6)} ${tag}\n`;
  const judged = [];
  const judge = (query, doc, rank, random) => {
    if (rank === 1 + (query % 17) || (query % 5 === 0 && rank === 101))
      judged.push(`${idOf(query)} 0 ${doc} ${1 + (query % 3)}\n`);
    if (rank === 1 && query % 11 === 0) judged.push(`${idOf(query)} 0 x${Math.floor(random() * 1e6)} 1\n`);
  };
  function* together() {
    for (let query = 0; query < queries; query++) {
      const random = uniform(seed * 7919 + query);
      let rank = 0;
      for (const doc of distinct(depth, passages, random)) {
        rank++;
        judge(query, doc, rank, random);
        yield line(query, doc, rank, random);
      }
    }
  }
  function* byRank() {
    const all = Array.from({ length: queries }, (_, query) => {
      const random = uniform(seed * 7919 + query);
      return { random, docs: distinct(depth, passages, random) };
    });
    for (let rank = 1; rank <= depth; rank++)
      for (const [query, { random, docs }] of all.entries()) {
        const doc = docs.next().value;
        judge(query, doc, rank, random);
        yield line(query, doc, rank, random);
      }
  }
  writeAll(path, apart ? byRank() : together());
  const qrels = `${path}.qrels`;
  writeAll(qrels, judged);
  return { run: path, qrels };
}
