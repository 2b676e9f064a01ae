// How fast are losses of embeddings, and how much memory do they take, compared with eager PyTorch and tfjs-wasm on the same numbers?
//   node bench/embeddings.mjs [--json FILE] [--threads N] [--only WORK] [--seconds S] [--tfjs FOLDER]
// PYTHON names a python3 whose torch uses OpenBLAS (Debian: python3-torch and libopenblas0-pthread; without the latter, torch uses the reference
// BLAS, which is fifty times slower). @tensorflow/tfjs-backend-wasm and tfjs-core must be installed in FOLDER.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare, scores } from '../dist/embeddings/index.js';
import { backends } from '../dist/index.mjs';
import { timeTfjs } from './lib/embeddings_tfjs.mjs';
import { leastTime, report, round } from './lib/harness.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    threads: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '3' },
    tfjs: { type: 'string' },
    memory: { type: 'string' }, // prints the bytes of one work; run in a separate process
  },
});
const threads = Number(options.threads);
const seconds = Number(options.seconds);
const TURNS = 4;
const { target } = backends().cpu;
// For a processor that it does not know, OpenBLAS may choose its slowest kernels.
const core = { avx512: 'SkylakeX', avx2: 'Haswell' }[target];
const script = new URL('lib/embeddings_torch.py', import.meta.url).pathname;

const lists = (queries, docs, dim) => ({
  queries: [queries, dim],
  documents: [queries, docs, dim],
  teacher: [queries, docs],
});
const inBatch = {
  queries: [256, 768],
  documents: [8448, 768],
  teacher: [256, 8448],
};
const products = (queries, documents, dim) => ({ queries: [queries, dim], documents: [documents, dim] });
/** What is timed: shapes, and the loss (if absent, only scores). `of` distinguishes several implementations. */
const works = [
  { name: 'lists', shapes: lists(64, 33, 768), options: { similarity: 'cosine', scale: 20 } },
  ...['stored', 'tiles'].map((inBatchScores) => ({
    name: 'inBatch',
    of: `in batch, ${inBatchScores}`,
    shapes: inBatch,
    options: { similarity: 'cosine', scale: 20, inBatch: true, inBatchScores },
  })),
  {
    name: 'maxSim',
    shapes: { queries: [16, 32, 128], documents: [16, 33, 180, 128], teacher: [16, 33] },
    options: { similarity: 'maxSim' },
  },
  { name: 'scores', shapes: products(64, 64, 128) },
  { name: 'scores', shapes: products(256, 256, 768) },
  { name: 'scores', shapes: products(256, 8448, 768) },
];

const size = (shape) => shape.reduce((a, b) => a * b, 1);

function makeInputs(shapes) {
  let state = 12345;
  const uniform = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32 - 0.5;
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      Float32Array.from({ length: size(shape) }, uniform),
    ]),
  );
}

/** Offsets of lists of `length` vectors each. */
const evenOffsets = (count, length) => Int32Array.from({ length: count + 1 }, (_, i) => i * length);

/** A function of no arguments that computes the work once and returns the loss, or the sum of the scores. */
function makeStep({ name, shapes, options: given }, inputs) {
  const { queries, documents } = shapes;
  const dim = queries.at(-1);
  if (name === 'scores') {
    const out = new Float32Array(queries[0] * documents[0]);
    return () => scores({ ...inputs, inBatch: true, scores: out }, { dim, threads });
  }
  const labels = new Uint8Array(size(shapes.teacher));
  for (let b = 0; b < shapes.teacher[0]; b++) labels[b * shapes.teacher[1]] = 1;
  const batch = { ...inputs, labels };
  if (name === 'maxSim') {
    batch.queryOffsets = evenOffsets(queries[0], queries[1]);
    batch.documentOffsets = evenOffsets(documents[0] * documents[1], documents[2]);
  }
  const op = prepare('kl', { dim, shape: shapes.teacher, threads, ...given });
  return () => op.run(batch).loss;
}

function statusOf(name) {
  const [, kilobytes] = new RegExp(`${name}:\\s*(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(kilobytes) * 1024;
}

/** Bytes of the gradients, or of the scores, which every implementation has to return. */
const outputs = ({ name, shapes: { queries, documents } }) =>
  4 * (name === 'scores' ? queries[0] * documents[0] : size(queries) + size(documents));

/** The peak memory of the first run, without inputs and outputs. */
function measureMemory(work) {
  const small = Object.fromEntries(
    Object.entries(work.shapes).map(([name, shape]) => [name, shape.map((n) => Math.min(n, 4))]),
  );
  const warm = makeStep({ ...work, shapes: small }, makeInputs(small));
  for (let k = 0; k < 500; k++) warm();
  const inputs = makeInputs(work.shapes);
  globalThis.gc?.();
  writeFileSync('/proc/self/clear_refs', '5');
  const before = statusOf('VmRSS');
  makeStep(work, inputs)();
  return statusOf('VmHWM') - before - outputs(work);
}

/** The peer on the same numbers. */
function timeTorch(work, inputs) {
  const folder = mkdtempSync(join(tmpdir(), 'ckl-embeddings-'));
  try {
    for (const [name, array] of Object.entries(inputs)) writeFileSync(join(folder, name), array);
    const shapes = Object.entries(work.shapes).map(([name, shape]) => `${name}=${shape.join('x')}`);
    const out = execFileSync(
      process.env.PYTHON || 'python3',
      [script, folder, work.name, threads, seconds / TURNS, ...shapes].map(String),
      {
        encoding: 'utf8',
        env: {
          ...process.env,
          ...(core && { OPENBLAS_CORETYPE: core }),
          OPENBLAS_NUM_THREADS: String(threads),
          OMP_NUM_THREADS: String(threads),
        },
      },
    );
    const [version, blas, value, nanoseconds, peak] = out.trim().split(' ');
    return {
      version,
      blas,
      value: Number(value),
      nanoseconds: Number(nanoseconds),
      peak: Number(peak) - outputs(work),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (options.memory !== undefined) {
  console.log(measureMemory(works[Number(options.memory)]));
  process.exit(0);
}

const peakOf = (index) =>
  Number(
    execFileSync(
      process.execPath,
      ['--expose-gc', new URL(import.meta.url).pathname, '--memory', index, '--threads', threads].map(String),
      { encoding: 'utf8' },
    ),
  );

const rows = [];
let peer = {};
for (const [index, work] of works.entries()) {
  if (!work.name.startsWith(options.only)) continue;
  const inputs = makeInputs(work.shapes);
  const step = makeStep(work, inputs);
  const found = step();
  const value = work.name === 'scores' ? found.reduce((a, b) => a + b, 0) : found;
  // In turns, so that other load on the machine does not affect only one of the two.
  let ours = Infinity;
  let torch;
  for (let turn = 0; turn < TURNS; turn++) {
    ours = Math.min(ours, leastTime(step, seconds / TURNS));
    const found = timeTorch(work, inputs);
    if (!(Math.abs(found.value - value) <= 1e-3 * Math.abs(value) + 1e-2))
      throw new Error(`${work.name}: PyTorch has ${found.value}, ckl-loss ${value}`);
    if (!torch || found.nanoseconds < torch.nanoseconds)
      torch = { ...found, peak: torch?.peak ?? found.peak };
  }
  peer = torch;
  const peak = peakOf(index);
  const tfjs = options.tfjs ? await timeTfjs(options.tfjs, work, inputs, value, seconds) : null;
  const { queries, documents } = work.shapes;
  rows.push({
    work: work.name,
    ...(work.of && { of: work.of }),
    shape: `${queries.join('×')}, ${documents.join('×')}`,
    'ours, ms': round(ours / 1e6),
    'PyTorch, ms': round(torch.nanoseconds / 1e6),
    ratio: round(ours / torch.nanoseconds),
    ...(work.name !== 'scores' && {
      'ours, MB': round(peak / 1e6, 1),
      'PyTorch, MB': round(torch.peak / 1e6, 1),
      'memory ratio': round(peak / torch.peak),
    }),
    ...(tfjs && { 'tfjs-wasm, ms': round(tfjs / 1e6), 'tfjs-wasm / ours': round(tfjs / ours, 1) }),
  });
  console.log(JSON.stringify(rows.at(-1)));
}
report(
  `embeddings, float32, KL and both gradients (or scores alone), against eager PyTorch ${peer.version} on OpenBLAS ${peer.blas}`,
  rows,
  {
    peer: `torch ${peer.version}, OpenBLAS ${peer.blas}`,
    target,
    threads,
    // If the load exceeds `threads`, other processes were running, and even the minimum times are too long.
    load: round(os.loadavg()[0], 1),
  },
);
