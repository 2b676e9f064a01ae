// Is this build faster than another, and by how much in each configuration? Both builds run in one process, in turns.
// OLD-BUILD is a folder with the other build's dist and addon.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as ours from '../dist/index.mjs';
import { report, round } from './lib/harness.mjs';

const { values: options, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    target: { type: 'string', default: ours.backends().cpu.target },
    only: { type: 'string', default: '' },
    documents: { type: 'string', default: '65536' },
    seconds: { type: 'string', default: '0.15' },
    lengths: { type: 'string', default: '8,16,32,64,100,128,256,1024,16384' },
  },
  allowPositionals: true,
});
if (positionals.length !== 1) {
  console.error(
    'usage: node bench/against.mjs OLD-BUILD [--json FILE] [--target NAME] [--only TEXT] [--lengths N,N] [--documents N] [--seconds S]',
  );
  process.exit(2);
}
const folder = resolve(positionals[0]);
const theirs = await import(pathToFileURL(resolve(folder, 'dist/index.mjs')).href);
const DOCUMENTS = Number(options.documents);
const SECONDS = Number(options.seconds);

/** Rows of up to `docs` documents. kind: full, padded or ragged (60 to 100 % of `docs`), alternating (100 and `docs` in turns). */
function makeRows(queries, docs, kind, positives) {
  let state = 12345;
  const uniform = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
  const lengths = Array.from({ length: queries }, (_, b) => {
    if (kind === 'full') return docs;
    if (kind === 'alternating') return b % 2 ? docs : 100;
    return Math.min(docs, Math.max(2, Math.floor(docs * (0.6 + 0.4 * uniform()) + uniform())));
  });
  const padded = kind === 'full' || kind === 'padded';
  const begin = [0];
  for (const length of lengths) begin.push(begin.at(-1) + (padded ? docs : length));
  const size = begin.at(-1);
  const data = {
    student: Float32Array.from({ length: size }, normal),
    teacher: Float32Array.from({ length: size }, normal),
    labels: new Uint8Array(size).fill(kind === 'padded' ? 255 : 0),
    ranks: new Uint16Array(size).fill(1),
    beta: new Float32Array(size),
    levels: new Float32Array(size),
  };
  for (const [b, length] of lengths.entries()) {
    const row = (array) => array.subarray(begin[b], begin[b] + length);
    const labels = row(data.labels).fill(0);
    if (positives > 0) for (let i = 0; i < length; i++) labels[i] = uniform() < positives ? 1 : 0;
    labels[Math.floor(uniform() * length)] = 1;
    const scores = row(data.student);
    const order = Array.from(scores.keys()).sort((i, j) => scores[j] - scores[i]);
    for (const [place, i] of order.entries()) row(data.ranks)[i] = place + 1;
    for (let i = 0; i < length; i++) row(data.beta)[i] = 1 / row(data.ranks)[i] - 0.2;
    for (let i = 0; i < length; i++) row(data.levels)[i] = Math.floor(4 * uniform());
  }
  const documents = lengths.reduce((sum, n) => sum + n, 0);
  return { data, documents, padded, offsets: Int32Array.from(begin) };
}

/** Bit patterns of a two-byte type. bfloat16 is rounded to nearest; float16 toward zero, which makes no difference here. */
function half(values, dtype) {
  const words = new Uint32Array(values.buffer);
  if (dtype === 'bfloat16') return Uint16Array.from(words, (u) => (u + 0x7fff + ((u >>> 16) & 1)) >>> 16);
  return Uint16Array.from(words, (u) => {
    const exponent = ((u >>> 23) & 255) - 112;
    return ((u >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((u >>> 13) & 1023));
  });
}

const ckl = { gamma: 5, alpha: 0 };
const biased = { gamma: 5, alpha: 1 };
const ranks = { arrays: ['ranks'] };
// Name, loss, parameters, and differences from full float32 rows with one positive.
const CASES = [
  ['ckl', 'ckl', ckl],
  ['kl', 'kl', {}],
  ['bkl', 'bkl', {}],
  ['ckl γ=2.3', 'ckl', { gamma: 2.3, alpha: 0 }],
  ['ranks uint16', 'ckl', biased, ranks],
  ['ranks float32', 'ckl', biased, { ...ranks, ranks: Float32Array }],
  ['ranks int32', 'ckl', biased, { ...ranks, ranks: Int32Array }],
  ['ranks uint8', 'ckl', biased, { ...ranks, ranks: Uint8Array, longest: 128 }],
  ['beta given', 'ckl', ckl, { arrays: ['beta'] }],
  ['fresh ranks', 'ckl', biased],
  ['padded', 'ckl', ckl, { kind: 'padded' }],
  ['padded kl', 'kl', {}, { kind: 'padded' }],
  ['ragged', 'ckl', ckl, { kind: 'ragged' }],
  ['ragged, 100 by turns', 'ckl', ckl, { kind: 'alternating' }],
  ['padded, ranks', 'ckl', biased, { ...ranks, kind: 'padded' }],
  ['ragged, ranks', 'ckl', biased, { ...ranks, kind: 'ragged' }],
  ['padded, fresh ranks', 'ckl', biased, { kind: 'padded' }],
  ['lambdaMrr', 'lambdaMrr', {}, ranks],
  ['lambdaMrr, fresh ranks', 'lambdaMrr', {}],
  ['lambdaMrr, 15 % positive', 'lambdaMrr', {}, { ...ranks, positives: 0.15, longest: 1024 }],
  ['lambdaMrr, four levels', 'lambdaMrr', {}, { arrays: ['ranks', 'relevance'], longest: 1024 }],
  ['marginMse', 'marginMse', {}],
  ['padded marginMse', 'marginMse', {}, { kind: 'padded' }],
  ['bfloat16', 'ckl', ckl, { dtype: 'bfloat16' }],
  ['float16', 'ckl', ckl, { dtype: 'float16' }],
  ['15 % positive', 'ckl', ckl, { positives: 0.15 }],
  ['teacherGrad', 'ckl', ckl, { teacherGrad: true }],
  ['diagnostics', 'ckl', ckl, { diagnostics: true }],
  ['combine ckl + kl', { ckl: 1, kl: 0.3 }, ckl],
];
const FEW = [1, 4, 8, 12].map((queries) => [`${queries} queries`, 'ckl', ckl, { queries }]);

/** The calls of a case in one build. */
function prepareCase(build, [, loss, parameters, how = {}], rows, queries, docs) {
  const { data } = rows;
  const batch = { student: data.student, teacher: data.teacher, labels: data.labels };
  if (how.arrays?.includes('ranks')) batch.ranks = how.ranks ? how.ranks.from(data.ranks) : data.ranks;
  if (how.arrays?.includes('beta')) batch.beta = data.beta;
  if (how.arrays?.includes('relevance')) batch.relevance = data.levels;
  const settings = { ...parameters, threads: 1, cpuTarget: options.target };
  settings.shape = [queries, Math.max(100, docs)];
  if (rows.padded) batch.shape = settings.shape = [queries, docs];
  else batch.offsets = rows.offsets;
  if (how.dtype) {
    settings.dtype = how.dtype;
    batch.student = half(data.student, how.dtype);
    batch.teacher = half(data.teacher, how.dtype);
  }
  if (how.teacherGrad) settings.teacherGrad = true;
  if (how.diagnostics) settings.diagnostics = true;
  if (typeof loss === 'string') {
    const prepared = build.prepare(loss, settings);
    return () => prepared.run(batch);
  }
  const { gamma, alpha, ...rest } = settings;
  const terms = Object.entries(loss).map(([name, weight]) => ({
    loss: name,
    weight,
    ...(name === 'ckl' ? { gamma, alpha } : {}),
  }));
  const prepared = build.prepare('combine', { ...rest, terms });
  return () => prepared.run(batch);
}

const lengths = options.lengths.split(',').map(Number);
const rows = [];
for (const one of [...CASES, ...FEW]) {
  const [name, , , how = {}] = one;
  if (options.only && !name.includes(options.only)) continue;
  const row = { configuration: name };
  for (const docs of lengths) {
    if (docs > (how.longest ?? Infinity) || (how.queries && docs > 256)) continue;
    const queries = how.queries ?? Math.max(1, Math.floor(DOCUMENTS / docs));
    const made = makeRows(queries, docs, how.kind ?? 'full', how.positives ?? 0);
    let calls;
    try {
      calls = [theirs, ours].map((build) => prepareCase(build, one, made, queries, docs));
    } catch (error) {
      row[docs] = String(error.message).slice(0, 60);
      continue;
    }
    // A short call is made several times within one measurement.
    const repeats = Math.max(1, Math.floor(4096 / made.documents));
    const least = [Infinity, Infinity];
    const end = performance.now() + SECONDS * 1e3;
    for (let k = 0; k < 8 || performance.now() < end; k++)
      for (const [which, call] of calls.entries()) {
        const start = process.hrtime.bigint();
        for (let r = 0; r < repeats; r++) call();
        least[which] = Math.min(least[which], Number(process.hrtime.bigint() - start) / repeats);
      }
    const [before, after] = least.map((time) => time / made.documents);
    row[docs] = `${round(before, 2)} > ${round(after, 2)} = ${round(after / before, 2)}`;
  }
  rows.push(row);
  if (!options.json) console.log(name.padEnd(26), ...lengths.map((n) => `${n}: ${row[n] ?? '-'} |`));
}
let against = 'unknown';
try {
  against = execFileSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
} catch {
  // not a repository
}
report(`ns a valid document, ${against} > this build = ratio, ${options.target}, one thread`, rows, {
  against,
  target: options.target,
});
