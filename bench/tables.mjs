// Writes the tables of README.md, docs/performance.md, docs/comparison.md, docs/scale.md and docs/guide/distributed.md from the files in bench/results.
//
//   node bench/tables.mjs           rewrites the text between <!-- figures: NAME --> and <!-- end of figures -->
//   node bench/tables.mjs --check   changes nothing, and exits with 1 if a page and the results disagree
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLatency, shapes } from './gpu/cases.mjs';
import { chips, predict } from './gpu/model.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
export const pages = [
  'README.md',
  'docs/performance.md',
  'docs/comparison.md',
  'docs/scale.md',
  'docs/guide/distributed.md',
];

const results = (name) => JSON.parse(readFileSync(join(root, 'bench/results', `${name}.json`), 'utf8'));
const table = (rows) => {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(rows[0]), line(rows[0].map(() => '---')), ...rows.slice(1).map(line)].join('\n');
};
/** At most three digits, as many as a repetition of the measurement would confirm. */
const digits = (x) => (x === undefined ? '' : x >= 10 ? String(Math.round(x)) : x.toFixed(2));
const whole = (x) => (x === undefined ? '' : String(Math.round(x)));
/** `64×16` as `64 × 16`. */
const times = (shape) => shape.replace('×', ' × ');

/** Nanoseconds per document by row length: one row per loss, then the main loss on the other instruction sets. */
function byLength(lengths, series) {
  const { rows } = results('cpu');
  const at = (loss, documents) => rows.find((row) => row.loss === loss && row.documents === documents);
  return series.map(([title, loss, target]) => [
    title,
    ...lengths.map((documents) => digits(at(loss, documents)?.[target])),
  ]);
}

/** A collection's name in a table head, such as `Vaswani` for `vaswani_npl`. */
const capital = (name) => name[0].toUpperCase() + name.slice(1).replace(/_.*/, '');
/** A mean of nDCG@10 as `.6166`, with a mark where it differs from CKL's after Holm's correction. */
function withMark({ mean, versusCkl }) {
  const mark = versusCkl && versusCkl.pHolm < 0.05 ? (versusCkl.difference < 0 ? '†' : '‡') : '';
  return mean.toFixed(4).replace(/^0/, '') + mark;
}

/** nDCG@10 of each student after each loss: its own ranking under both teachers, then other collections under the clean one. */
function comparison() {
  const { tables, data } = results('comparison-scifact');
  const of = (student, condition) =>
    tables.find((one) => one.student === student && one.condition === condition);
  const reranked = ['dense', 'multi', 'sparse'];
  const columns = [
    ...reranked.flatMap((student) => [
      { title: student, cells: [[student, 'clean', 'rerank']] },
      { title: 'wrong teacher', cells: [[student, 'wrongTeacher', 'rerank']] },
    ]),
    { title: 'two-stage', cells: [['two-stage', 'clean', 'full']] },
    ...data.zeroShot.map(({ name }) => ({
      title: `${capital(name)}: ${reranked.join(', ')}`,
      cells: reranked.map((student) => [student, 'clean', `zero-shot ${name}`]),
    })),
  ];
  const names = tables[0].rows.map(({ name }) => name).filter((name) => name !== 'teacher');
  const textOf = (name, [student, condition, setting]) => {
    const row = of(student, condition).rows.find((one) => one.name === name);
    return withMark(row.cells[`${setting} ndcg@10`]);
  };
  return table([
    ['nDCG@10', ...columns.map(({ title }) => title)],
    ...names.map((name) => [
      name,
      ...columns.map(({ cells }) => cells.map((cell) => textOf(name, cell)).join(', ')),
    ]),
  ]);
}

function measuredOn(name) {
  const { cpu, cores, node, commit, date } = results(name);
  return `Measured on: ${cpu}, ${cores} cores, Node ${node}, commit ${commit}, ${date}.`;
}

const SCALE_COLUMNS = [
  'case',
  'count',
  'unit',
  'CPU, s',
  'µs a unit',
  'memory, MB',
  'wall, s',
  'ndcg@10',
  'cpu',
  'commit',
];
/** The other figures of a row of scale.json: an older build's, another program's, or those of this case alone. */
function scaleBeside(row) {
  const before = row['CPU, times before'];
  const memory = (row['memory, MB'] / row['memory before, MB']).toFixed(2);
  const trecEval = row['trec_eval, CPU s'];
  const own = Object.keys(row).filter((key) => !SCALE_COLUMNS.includes(key) && !/before|trec_eval/.test(key));
  return [
    before && `${before} times the CPU, ${memory} times the memory of the version before`,
    trecEval && `trec_eval: ${trecEval} s, ${row['trec_eval, MB']} MB`,
    ...own.map((key) => `${key}: ${row[key]}`),
  ].filter(Boolean);
}

const scale = () =>
  table([
    ['work', 'size', 'CPU, s', 'µs each', 'memory, MB', 'other figures', 'CPU', 'commit'],
    ...results('scale').rows.map((row) => [
      row.case,
      `${row.count.toLocaleString('en')} ${row.unit}s`,
      row['CPU, s'],
      row['µs a unit'],
      row['memory, MB'],
      scaleBeside(row).join('; '),
      row.cpu,
      row.commit,
    ]),
  ]);

const figures = {
  comparison,
  scale,
  'comparison-cost': () => {
    const { cpuSeconds, peakMiB, seconds, machine, commit, date } = results('comparison-scifact').made;
    return `It took ${Math.round(seconds / 60)} minutes (${cpuSeconds} CPU seconds, ${peakMiB} MiB): ${machine}, commit ${commit}, ${date}.`;
  },
  'cpu-short': () => {
    const lengths = [16, 64, 128, 256, 1024, 16384];
    const main = 'ckl γ=5';
    const series = [
      ['AVX-512', main, 'avx512'],
      ['AVX2', main, 'avx2'],
    ];
    return table([['documents per query', ...lengths], ...byLength(lengths, series)]);
  },
  'peers-short': () => {
    const { peer, rows } = results('peers');
    const list = rows.map((row) => `${whole(row['one thread: ratio'])} (${times(row.shape)})`);
    return `With 2²⁰ documents per call, read from memory, ckl-loss was on a Zen 4 ${list.slice(0, -1).join(', ')} and ${list.at(-1)} times as fast as eager ${peer.replace('torch', 'PyTorch')} on the same thread.`;
  },
  'call-short': () => {
    const row = results('call').rows.find(({ shape }) => shape === '4×8');
    const µs = (name) => row[`${name}, µs`].toFixed(1);
    return `From JavaScript, a prepared run of 4 queries × 8 documents takes ${µs('prepared run')} µs, ${µs('prepared, new arrays')} µs with new arrays at each call; the plain function takes ${µs('plain function')} µs.`;
  },
  cpu: () => {
    const { rows } = results('cpu');
    const lengths = [...new Set(rows.map(({ documents }) => documents))];
    const losses = [...new Set(rows.map(({ loss }) => loss))];
    const main = 'ckl γ=5';
    const series = [
      ...losses.map((loss) => [loss, loss, 'avx512']),
      ...[`${main}, AVX2`, `${main}, baseline`].map((title, i) => [title, main, ['avx2', 'baseline'][i]]),
    ];
    return table([['AVX-512', ...lengths], ...byLength(lengths, series)]);
  },
  peers: () => {
    const { rows } = results('peers');
    const lines = ['one thread', 'two threads'].flatMap((threads) => [
      [`ours, ${threads}`, ...rows.map((row) => digits(row[`${threads}: ours, ns/doc`]))],
      [`PyTorch, ${threads}`, ...rows.map((row) => digits(row[`${threads}: PyTorch, ns/doc`]))],
      ['PyTorch ÷ ours', ...rows.map((row) => whole(row[`${threads}: ratio`]))],
    ]);
    return table([['', ...rows.map(({ shape }) => times(shape))], ...lines]);
  },
  paper: () => {
    const { rows } = results('paper');
    const unique = (name) => [...new Set(rows.map((row) => row[name]))];
    const shapes = unique('shape');
    const lines = unique('setting').map((setting) => [
      setting,
      ...shapes.map((shape) => {
        const row = rows.find((one) => one.shape === shape && one.setting === setting);
        return `${digits(row['ours, ns/doc'])} (${whole(row.ratio)} ×)`;
      }),
    ]);
    return table([['', ...shapes.map(times)], ...lines]);
  },
  distributed: () =>
    table([['', ''], ...results('distributed').rows.map(({ what, figure }) => [what.trim(), figure])]),
  'distributed-machine': () =>
    `${measuredOn('distributed')} ${results('distributed').mpi.replace(/,.*/s, '')}.`,
  'paper-machine': () => measuredOn('paper'),
  'cuda-ways': () =>
    table([
      ['documents', 'way', 'float32', 'bfloat16', 'special functions', 'fences per row'],
      ...results('cuda-budget').ways.map(({ docs, way, float32, bfloat16 }) => [
        docs,
        way,
        float32.instructions.toFixed(1),
        bfloat16.instructions.toFixed(1),
        float32.special.toFixed(1),
        Math.max(float32.fences, bfloat16.fences),
      ]),
    ]),
  'cuda-sweeps': () =>
    table([
      ['sweep', 'float32', 'bfloat16', 'special functions'],
      ...results('cuda-budget').sweeps.map(({ sweep, float32, bfloat16 }) => [
        sweep,
        float32.instructions.toFixed(1),
        bfloat16.instructions.toFixed(1),
        float32.special.toFixed(1),
      ]),
    ]),
  'cuda-kernels': () => {
    const { sm_80, sm_90, sm_120 } = results('cuda-budget');
    const kB = (bytes) => Math.round(bytes / 1024);
    const cell = (chip, row) => {
      const found = chip.find((one) => one.kernel === row.kernel && one.type === row.type);
      if (!found) return '–';
      const { registers, blocks, bytesInFlight, fences } = found;
      return `${registers}, ${blocks}, ${kB(bytesInFlight)}, ${fences}`;
    };
    return table([
      ['kernel, elements per thread', 'type', 'sm_80', 'sm_90', 'sm_120'],
      ...sm_90.map((row) => [row.kernel, row.type, ...[sm_80, sm_90, sm_120].map((chip) => cell(chip, row))]),
    ]);
  },
  'cuda-launches': () => {
    const { launches } = results('cuda-budget');
    return table([['rows', 'launches'], ...Object.entries(launches).map(([rows, number]) => [rows, number])]);
  },
  'cuda-model': () => {
    const percent = ({ low, high }) => `${Math.round(100 * low)}–${Math.round(100 * high)}`;
    return table([
      ['', ...Object.values(chips).flatMap(({ name }) => [`${name}, float32`, `${name}, bfloat16`])],
      ...shapes
        .filter((shape) => !isLatency(shape))
        .map((shape) => [
          shape.join(' × '),
          ...Object.values(chips).flatMap((chip) =>
            ['float32', 'bfloat16'].map((dtype) => percent(predict(shape, dtype, chip))),
          ),
        ]),
    ]);
  },
  'cuda-compiler': () => {
    const { nvcc, commit, date } = results('cuda-budget');
    return `Compiled by nvcc ${nvcc}, commit ${commit}, ${date}.`;
  },
  embeddings: () => {
    const { rows } = results('embeddings');
    const names = { lists: 'lists', inBatch: 'in batch', maxSim: 'MaxSim', scores: 'scores alone' };
    return table([
      ['queries, documents', 'ms', 'time ÷ PyTorch’s', 'memory ÷ PyTorch’s', 'tfjs-wasm ÷ ours'],
      ...rows.map((row) => [
        `${row.of ?? names[row.work]}: ${row.shape.replaceAll('×', ' × ')}`,
        digits(row['ours, ms']),
        row.ratio.toFixed(2),
        row['memory ratio']?.toFixed(3) ?? '',
        whole(row['tfjs-wasm / ours']),
      ]),
    ]);
  },
  'embeddings-machine': () => measuredOn('embeddings'),
  against: () => {
    const { rows } = results('against-0.1.0-avx512');
    const lengths = Object.keys(rows[0]).filter((name) => name !== 'configuration');
    const ratio = (text) => text?.replace(/.*= /, '') ?? '';
    return table([
      ['AVX-512', ...lengths],
      ...rows.map((row) => [row.configuration, ...lengths.map((n) => ratio(row[n]))]),
    ]);
  },
  'against-machine': () => measuredOn('against-0.1.0-avx512'),
  threads: () => {
    const { rows } = results('threads');
    return table([
      ['queries × documents', ...rows.map(({ shape }) => times(shape))],
      ['one thread ÷ two threads', ...rows.map(({ speedup }) => speedup.toFixed(2))],
    ]);
  },
  calls: () => {
    const names = ['prepared run', 'prepared, new arrays', 'plain function'];
    const rows = results('call').rows.map((row) => [
      times(row.shape),
      ...names.map((name) => digits(row[`${name}, µs`])),
    ]);
    return table([['queries × documents', ...names], ...rows]);
  },
  'calls-machine': () => measuredOn('call'),
  'calls-against': () => {
    const { rows } = results('call-against-0.1.0');
    const calls = [...new Set(rows.map(({ call }) => call))];
    const shapes = [...new Set(rows.map(({ shape }) => shape))];
    const ratioOf = (shape, call) => rows.find((row) => row.shape === shape && row.call === call).ratio;
    return table([
      ['queries × documents', ...calls],
      ...shapes.map((shape) => [times(shape), ...calls.map((call) => ratioOf(shape, call).toFixed(2))]),
    ]);
  },
  'cpu-machine': () => measuredOn('cpu'),
  'peers-machine': () => measuredOn('peers'),
};

/** A page with its figures replaced by those of the results, if there are any. */
export function filled(page) {
  const text = readFileSync(join(root, page), 'utf8');
  return text.replace(
    /(<!-- figures: ([\w-]+) -->\n)(?:[^]*?\n)??(<!-- end of figures -->)/g,
    (_, begin, name, end) => {
      if (!(name in figures))
        throw new Error(`${page} asks for figures "${name}", which bench/tables.mjs does not have`);
      return `${begin}${figures[name]()}\n${end}`;
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const page of pages) {
    const now = readFileSync(join(root, page), 'utf8');
    const wanted = filled(page);
    if (now === wanted) continue;
    if (process.argv.includes('--check')) {
      console.error(`${page} disagrees with bench/results: run node bench/tables.mjs`);
      process.exitCode = 1;
    } else writeFileSync(join(root, page), wanted);
  }
}
