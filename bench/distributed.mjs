// What do exchanges between ranks cost, and how much faster are two ranks of one machine than one? Needs mpirun (Open MPI; MPI=mpich for MPICH).
// The control measures the machine itself: two simultaneous processes with one rank's part each and no exchange, against one such process alone.
// Two processors share caches and memory, and also execution units if they are threads of one core. The efficiency on more hosts is not measured
// but computed from the measured times.
import { prepare } from '../dist/index.mjs';
import { mpi } from '../dist/distributed/index.js';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { report, round } from './lib/harness.mjs';

const LISTS = { queries: 4096, documents: 16384 };
const QUERIES = { queries: 16384, documents: 1000 };
const EXCHANGED = 256;
const ROUNDS = 3;
const loss = { name: 'ckl', options: { gamma: 5, alpha: 0, threads: 1 } };

/** Scores from a repeated sine, which is quick to compute. */
function makeScores(queries, documents, shift) {
  const tile = Float32Array.from({ length: 65537 }, (_, k) => 3 * Math.sin(12.9898 * (k + shift)));
  const out = new Float32Array(queries * documents);
  for (let at = 0; at < out.length; at += tile.length) out.set(tile.subarray(0, out.length - at), at);
  return out;
}

function makeBatch(queries, documents, positives = true) {
  const labels = new Uint8Array(queries * documents);
  for (let b = 0; positives && b < queries; b++) labels[b * documents + (b % documents)] = 1;
  return {
    student: makeScores(queries, documents, 1),
    teacher: makeScores(queries, documents, 7),
    labels,
    shape: [queries, documents],
  };
}

/** A group of one rank, for a part without exchanges. */
const alone = { rank: 0, size: 1, allGather: (values) => values.slice() };

/** The minimum time of a call in seconds. All ranks start together, and the slowest counts. */
function least(world, call, repetitions) {
  let best = Infinity;
  for (let k = 0; k < repetitions; k++) {
    world.barrier();
    const start = performance.now();
    call();
    const took = world.allReduce(Float64Array.of(performance.now() - start), 'max')[0];
    best = Math.min(best, took / 1e3);
  }
  return best;
}

/** The measurements of one rank. */
const measures = {
  exchanges(world) {
    const chunks = 1;
    const arrays = [1 + 6 * EXCHANGED, EXCHANGED * (2 + 16 * chunks) + 1, EXCHANGED * 25 * chunks + 1].map(
      (n) => new Float64Array(n).fill(world.rank),
    );
    const one = new Float64Array(1);
    const large = new Float64Array(1 << 20);
    return {
      three: least(world, () => arrays.forEach((values) => world.allGather(values)), 3000),
      latency: least(world, () => world.allGather(one), 3000),
      bandwidth: (8 * large.length * (world.size - 1)) / least(world, () => world.allGather(large), 30),
      bytes: arrays.reduce((sum, { length }) => sum + 8 * length, 0) / EXCHANGED,
    };
  },
  plainDocuments(world) {
    const batch = makeBatch(LISTS.queries, LISTS.documents);
    const prepared = prepare(loss.name, { ...loss.options, shape: batch.shape });
    return { seconds: least(world, () => prepared.run(batch), 7) };
  },
  documents(world) {
    const docs = LISTS.documents / world.size;
    const batch = makeBatch(LISTS.queries, docs, world.rank === 0);
    const shard = { group: world, begin: world.rank * docs, documents: LISTS.documents };
    const prepared = prepare(loss.name, { ...loss.options, shape: batch.shape, shard });
    return { seconds: least(world, () => prepared.run(batch), 7) };
  },
  plainQueries(world) {
    const batch = makeBatch(QUERIES.queries, QUERIES.documents);
    const prepared = prepare(loss.name, { ...loss.options, shape: batch.shape });
    return { seconds: least(world, () => prepared.run(batch), 9) };
  },
  queries(world) {
    const batch = makeBatch(QUERIES.queries / world.size, QUERIES.documents);
    const prepared = prepare(loss.name, { ...loss.options, shape: batch.shape, group: world });
    return { seconds: least(world, () => prepared.run(batch), 9) };
  },
  partOfDocuments(world) {
    const docs = LISTS.documents / 2;
    const batch = makeBatch(LISTS.queries, docs);
    const shard = { group: alone, begin: 0, documents: docs };
    const prepared = prepare(loss.name, { ...loss.options, shape: batch.shape, shard });
    return { seconds: least(world, () => prepared.run(batch), 7) };
  },
  partOfQueries(world) {
    const batch = makeBatch(QUERIES.queries / 2, QUERIES.documents);
    const prepared = prepare(loss.name, { ...loss.options, shape: batch.shape, group: alone });
    return { seconds: least(world, () => prepared.run(batch), 9) };
  },
};

const { positionals } = parseArgs({
  options: { json: { type: 'string' } },
  allowPositionals: true,
});
const [measure, file] = positionals;

if (measure !== undefined) {
  const world = mpi();
  const found = measures[measure](world);
  if (world.rank === 0) writeFileSync(file, JSON.stringify({ ...found, version: world.version }));
} else {
  main();
}

function run(name, ranks) {
  const folder = mkdtempSync(join(tmpdir(), 'ckl-bench-'));
  const out = join(folder, 'found.json');
  const library = process.env.MPI ?? 'openmpi';
  const args = library === 'openmpi' ? ['--oversubscribe'] : [];
  const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };
  const command = [
    ...args,
    '-np',
    String(ranks),
    process.execPath,
    fileURLToPath(import.meta.url),
    name,
    out,
  ];
  const { status, stderr, error } = spawnSync(`mpirun.${library}`, command, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`mpirun.${library} -np ${ranks} ... ${name} failed: ${error ?? stderr}`);
  const found = JSON.parse(readFileSync(out, 'utf8'));
  rmSync(folder, { recursive: true });
  return found;
}

function main() {
  const exchanges = run('exchanges', 2);
  const runs = {
    plainDocuments: ['plainDocuments', 1],
    documentsOne: ['documents', 1],
    documentsTwo: ['documents', 2],
    partOfDocumentsOne: ['partOfDocuments', 1],
    partOfDocumentsTwo: ['partOfDocuments', 2],
    plainQueries: ['plainQueries', 1],
    queriesTwo: ['queries', 2],
    partOfQueriesOne: ['partOfQueries', 1],
    partOfQueriesTwo: ['partOfQueries', 2],
  };
  // In rounds, so that other load on the machine affects all of them.
  const times = Object.fromEntries(Object.keys(runs).map((name) => [name, Infinity]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, [measure, ranks]] of Object.entries(runs))
      times[name] = Math.min(times[name], run(measure, ranks).seconds);
  const { three, latency, bandwidth, bytes, version } = exchanges;
  const ms = (seconds) => `${round(seconds * 1e3, 1)} ms`;
  const control = (name) => ({
    what: '  control: two processes at once, a part each and no exchange',
    figure: `${ms(times[`${name}Two`])}, one alone ${ms(times[`${name}One`])}: ${round((2 * times[`${name}One`]) / times[`${name}Two`], 2)} times one`,
  });
  const rows = [
    { what: `three exchanges of ${EXCHANGED} queries, 2 ranks`, figure: `${round(three * 1e6, 0)} µs` },
    { what: 'an exchange of 8 bytes, 2 ranks', figure: `${round(latency * 1e6, 1)} µs` },
    { what: 'bandwidth of 8 MiB, 2 ranks', figure: `${round(bandwidth / 1e9, 2)} GB/s` },
    { what: `${LISTS.queries} × ${LISTS.documents}: one process`, figure: ms(times.plainDocuments) },
    { what: '  documents on 1 rank', figure: ms(times.documentsOne) },
    {
      what: '  documents on 2 ranks',
      figure: `${ms(times.documentsTwo)}: ${round(times.documentsOne / times.documentsTwo, 2)} times one rank, ${round(times.plainDocuments / times.documentsTwo, 2)} times one process`,
    },
    control('partOfDocuments'),
    { what: `${QUERIES.queries} × ${QUERIES.documents}: one process`, figure: ms(times.plainQueries) },
    {
      what: '  queries on 2 ranks',
      figure: `${ms(times.queriesTwo)}: ${round(times.plainQueries / times.queriesTwo, 2)} times one process`,
    },
    control('partOfQueries'),
    ...[2, 4, 16, 64, 256, 1024].map((hosts) => ({
      what: `computed, not measured: ${hosts} hosts, each with ${EXCHANGED} × 16384 documents of its own`,
      figure: `efficiency ${round(100 * efficiency(hosts, times.documentsOne, { latency, bandwidth, bytes }), 1)} %`,
    })),
  ];
  report('exchanges between ranks, and two ranks against one', rows, {
    mpi: version,
    measured: { ...exchanges, ...times },
  });
}

/**
 * Each host has 16384 documents of each of 256 lists, so the lists grow with the number of hosts. A host computes for as long as one host alone,
 * and exchanges numbers in three gathers. Each gather takes ⌈log2 hosts⌉ latencies and the time for the bytes of all other hosts (4 chunks per
 * host). Latency and bandwidth are those of this machine's shared memory; a network has different ones.
 */
function efficiency(hosts, seconds, { latency, bandwidth, bytes }) {
  const compute = (seconds * EXCHANGED) / LISTS.queries;
  const gathered = 4 * bytes * EXCHANGED * (hosts - 1);
  return compute / (compute + 3 * Math.ceil(Math.log2(hosts)) * latency + gathered / bandwidth);
}
