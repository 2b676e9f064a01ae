// The compiled code is the test: compiles the kernels for chips of three generations and reads the machine code. Registers and
// spilled bytes are held to the caps that stand beside a kernel; loads, instructions per document, fences and blocks of ckl with
// gamma 5 to what bench/results/cuda-budget.json says was reached, which is also what docs/performance.md shows.
//
//   node test/cuda/budget.mjs [80 90 120]
//   node test/cuda/budget.mjs --all       every kernel for every chip, not for sm_90 alone: minutes more
//   node test/cuda/budget.mjs --write     writes the results file of what is reached now; then: node bench/tables.mjs
//   node test/cuda/budget.mjs --fatbin    what a release holds, for all its architectures: minutes
//
// Needs nvcc; without it, it says so and does nothing. What was compiled from the same sources before is not compiled again.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commit } from '../../bench/lib/harness.mjs';
import {
  blockBytes,
  blocksAtOnce,
  count,
  inFlight,
  kernelsOf,
  loadsTogether,
  opcode,
  sharedOf,
  shortest,
  stretchBytes,
} from './sass.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const out = join(root, 'build/budget');
const sources = [
  'rows/general_kernels',
  'ranks/ranks',
  'rows/fast_float32',
  'rows/fast_half',
  'rows/count_queries',
  'common/sum',
];

const nvcc = [process.env.CUDACXX, 'nvcc', '/usr/local/cuda/bin/nvcc'].find(
  (file) => file && spawnSync(file, ['--version']).status === 0,
);
if (!nvcc) {
  console.log('no nvcc here: register and instruction budgets are not checked');
  process.exit(0);
}
mkdirSync(out, { recursive: true });

/**
 * `// Registers at most: 64 (4 elements per thread), 96 (8)` beside a kernel, as { kernel: { elements: registers } }; where
 * `; spills at most: 128 bytes` follows, `spills` is that number, else 0. ckl with gamma 5 never spills.
 */
function readCaps() {
  const caps = {};
  for (const file of [
    ...['fast_kernels', 'fast_team', 'fast_shared', 'fast_grid', 'general_kernels', 'count_queries'].map(
      (name) => `rows/${name}.cuh`,
    ),
    'ranks/ranks.cu',
    'common/sum.cu',
  ]) {
    const text = readFileSync(join(root, 'cuda', file), 'utf8');
    for (const [, list, name] of text.matchAll(/Registers at most: (.+)\n[^]*?\b(\w+)\(CKL_PARAMETER/g)) {
      caps[name] = Object.fromEntries(
        [...list.split(';')[0].matchAll(/(\d+)(?: \((\d+)[^)]*\))?/g)].map(([, registers, elements]) => [
          elements ?? '',
          +registers,
        ]),
      );
      caps[name].spills = +(/spills at most: (\d+) bytes/.exec(list)?.[1] ?? 0);
    }
  }
  return caps;
}

/** Of everything that a kernel is made of. */
const fingerprint = (() => {
  const hash = createHash('sha256').update(execFileSync(nvcc, ['--version']));
  for (const folder of ['cuda', 'src/losses', 'src/core'])
    for (const file of readdirSync(join(root, folder), { recursive: true }).sort())
      if (/\.(h|cuh|cu|def)$/.test(file)) hash.update(readFileSync(join(root, folder, file)));
  return hash;
})();

/** Compiles a source into a cubin, unless that is there; returns its name and what ptxas said. */
function compile(source, architecture) {
  const made = fingerprint
    .copy()
    .update(readFileSync(join(root, source)))
    .digest('hex')
    .slice(0, 16);
  const cubin = join(out, `${basename(source, '.cu')}.${architecture}.${made}.cubin`);
  const log = `${cubin}.log`;
  if (!existsSync(log)) {
    const { stdout, stderr, status } = spawnSync(
      nvcc,
      [
        ...['-std=c++17', '-O3', '-fmad=false', '--expt-relaxed-constexpr', `-arch=sm_${architecture}`],
        ...['-Xptxas', '-v', '-cubin', '-o', cubin, join(root, source)],
      ],
      { encoding: 'utf8', maxBuffer: 1 << 26 },
    );
    if (status !== 0) throw new Error(stdout + stderr);
    writeFileSync(log, stderr);
  }
  return { cubin, log: readFileSync(log, 'utf8') };
}

/** What ptxas says of each kernel. */
function kernels(log) {
  const list = [];
  for (const part of log.split("Compiling entry function '").slice(1)) {
    const [, stack, stores, loads] =
      /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(part);
    const mangled = part.slice(0, part.indexOf("'"));
    const name = execFileSync('c++filt', [mangled], { encoding: 'utf8' });
    list.push({
      mangled,
      name: name
        .replaceAll('(anonymous namespace)::', '')
        .replaceAll(/ckl::|cuda::|void /g, '')
        .split('(')[0]
        .trim(),
      registers: +/Used (\d+) registers/.exec(part)[1],
      stack: +stack,
      spills: +stores + +loads,
    });
  }
  return list;
}

/** All architectures of a release, as CMakeLists.txt names them, in one fat binary a source. */
function checkFatbin() {
  const list = /CKL_RELEASE\)\s+set\(architectures (.+)\)/.exec(
    readFileSync(join(root, 'CMakeLists.txt'), 'utf8'),
  )[1];
  const codes = list.split(' ').flatMap((name) => {
    const [number, kind] = name.split('-');
    const code = kind === 'real' ? `sm_${number}` : `[sm_${number},compute_${number}]`;
    return ['-gencode', `arch=compute_${number},code=${code}`];
  });
  const start = performance.now();
  let bytes = 0;
  for (const source of sources) {
    const file = join(out, `${basename(source)}.fatbin`);
    const began = performance.now();
    execFileSync(nvcc, [
      ...[
        '-std=c++17',
        '-O3',
        '-fmad=false',
        '--expt-relaxed-constexpr',
        '--compress-mode=size',
        '-fatbin',
        ...codes,
      ],
      ...['-o', file, join(root, 'cuda', `${source}.cu`)],
    ]);
    const { size } = statSync(file);
    bytes += size;
    console.log(`  ${source}: ${size} bytes, ${Math.round((performance.now() - began) / 1000)} s`);
  }
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(
    `${list}: ${(bytes / 1e6).toFixed(2)} MB, ${seconds} s, one source and one architecture at a time`,
  );
  if (bytes > 4e6) {
    console.log('FAILED more than 4 MB');
    process.exit(1);
  }
}

if (process.argv[2] === '--fatbin') {
  checkFatbin();
  process.exit(0);
}

const caps = readCaps();
const faults = [];
const write = process.argv.includes('--write');
const all = process.argv.includes('--all');
const named = process.argv.slice(2).filter((word) => /^\d+$/.test(word));
const architectures = named.length > 0 ? named : ['80', '90', '120'];

/** The kernels of ckl with gamma 5 on a chip: what each asks of memory before it waits, and what it holds. */
const reached = {};
const threadsOf = { fast_lanes: 128, fast_grid: 256 };
/** Bytes of rows that the whole grid shares, on a multiprocessor, for scores of four bytes and of two: what keeps memory busy. */
const leastInFlight = { 4: 64 * 1024, 2: 48 * 1024 };

/**
 * Sweeps of the general kernels that load four documents' scores of student and teacher as vectors, both before they wait: highest scores,
 * exponentials, sums of the terms, and gradients.
 */
const vectorSweeps = 4;

/** The largest block of fast_team with gamma 5, as kernel_table.h has it: warps that find room, and its bytes. */
function largestTeam(architecture, size) {
  const stretch = stretchBytes(1024, size, 0);
  const warps = Math.min(16, Math.floor((sharedOf(architecture) - blockBytes) / stretch));
  return { threads: warps * 32, shared: warps * stretch + blockBytes };
}

/** The same of fast_shared, of which a warp has several stretches of 512 documents. */
function largestShared(architecture, size) {
  const stretch = stretchBytes(512, size, 0);
  const fixed = blockBytes + 16 * 48;
  const stretches = Math.floor((sharedOf(architecture) - fixed) / (16 * stretch));
  return { threads: 512, shared: 16 * stretches * stretch + fixed };
}

/** One kernel of ckl with gamma 5. P: documents per load, 4 of float32 and 8 where a type has two bytes. */
function look(architecture, { name, registers }, code) {
  const [, base, inner] = /^(\w+)<(.*)>$/.exec(name);
  const numbers = inner.split(',').slice(-2).map(Number);
  const P = numbers[1];
  const elements = { fast_lanes: numbers[0], fast_team: 32, fast_shared: 16, fast_grid: 16 }[base];
  const size = P === 4 ? 4 : 2;
  const { threads, shared } =
    base === 'fast_team'
      ? largestTeam(architecture, size)
      : base === 'fast_shared'
        ? largestShared(architecture, size)
        : { threads: threadsOf[base], shared: 0 };
  const blocks = blocksAtOnce(architecture, registers, threads, shared);
  // Of a row that is whole: the widest loads, in the type that the kernel is for.
  const bytes = elements * (2 * size + 1);
  const fault = (what) => faults.push(`sm_${architecture} ${name}: ${what}`);
  if (base === 'fast_team' || base === 'fast_shared') {
    // Copies that no register waits for: a row of the first one, and as many of the next within the loop.
    const copies = count(code, opcode.copy) * 16;
    if (copies < 2 * bytes) fault(`copies of ${copies} bytes a thread, not of ${2 * bytes}`);
  } else {
    const { ways, late } = inFlight(code);
    if (!ways.some((way) => way.bytes === bytes)) fault(`no way asks for ${bytes} bytes at once`);
    if (late > 0) fault(`${late} bytes of a row are asked for after a wait for others`);
  }
  // A block that goes over rows with the whole grid asks for its next chunk, too: scores of both and labels.
  const ahead = base === 'fast_grid';
  const prefetches = code.filter((one) => one.code === opcode.prefetch || one.prefetches).length;
  if (ahead && prefetches < 3) fault(`the next chunk is asked for ${prefetches} times, not 3`);
  const bytesInFlight = bytes * threads * blocks * (ahead ? 2 : 1);
  if (ahead && bytesInFlight < leastInFlight[size])
    fault(`${bytesInFlight} bytes in flight, at least ${leastInFlight[size]}`);
  return {
    kernel: `${base.slice(5)} ${elements}`,
    type: P === 4 ? 'float32' : 'two-byte',
    registers,
    blocks,
    threads,
    bytesInFlight,
    // Before sm_90, what counts queries or computes deferred rows is called, and left out.
    fences: count(code.slice(0, code.own), opcode.fence),
  };
}

for (const architecture of architectures) {
  let total = 0;
  let most = 0;
  reached[`sm_${architecture}`] = [];
  // All kernels are held to their caps on one chip: to compile them takes minutes a chip.
  const whole = all || (architecture === '90' && !write);
  for (const source of whole ? sources.map((name) => `cuda/${name}.cu`) : ['test/cuda/gamma5.cu']) {
    const { cubin, log } = compile(source, architecture);
    const code = kernelsOf(cubin);
    for (const kernel of kernels(log)) {
      total++;
      most = Math.max(most, kernel.registers);
      const [, base, elements] = /^(\w+)(?:<.*?, (\d+), \d+.*>)?/.exec(kernel.name);
      const cap = caps[base]?.[elements ?? ''] ?? caps[base]?.[''];
      const fault = (what) => faults.push(`sm_${architecture} ${kernel.name}: ${what}`);
      if (cap === undefined) fault('no cap stands beside it');
      else if (kernel.registers > cap) fault(`${kernel.registers} registers, at most ${cap}`);
      const gamma5 = kernel.name.includes('CklVariant<-1, false>');
      const allowed = gamma5 ? 0 : (caps[base]?.spills ?? 0);
      if (kernel.spills > allowed) fault(`${kernel.spills} bytes of spills, at most ${allowed}`);
      if (base?.startsWith('general_')) {
        const sweeps = loadsTogether(code[kernel.mangled]);
        if (sweeps < vectorSweeps) fault(`${sweeps} sweeps load vectors of both scores, not ${vectorSweeps}`);
      }
      // Chips without clusters have no rows that stay in shared memory.
      if (gamma5 && !(base === 'fast_shared' && +architecture < 90))
        reached[`sm_${architecture}`].push(look(architecture, kernel, code[kernel.mangled]));
    }
  }
  console.log(`sm_${architecture}: ${total} kernels, ${most} registers at most`);
  reached[`sm_${architecture}`].sort((a, b) => (a.type + a.kernel < b.type + b.kernel ? -1 : 1));
  console.table(reached[`sm_${architecture}`]);
}

// A row of gamma 5 on each of its ways, documents neither positive nor at the top: ways.cu says what that leaves out. Tests for what is
// rare count, and so does all that the row itself costs: finding it, reductions, normalisers, its loss.
const ways = [
  { docs: 16, way: 'full', kernel: 'lanes_way', parts: [[1, 16, 1, 0]] },
  { docs: 32, way: 'full', kernel: 'lanes_way', parts: [[2, 16, 2, 0]] },
  { docs: 50, way: 'pairs', kernel: 'lanes_way', parts: [[2, 32, 2, 3]] },
  { docs: 64, way: 'full', kernel: 'lanes_way', parts: [[2, 32, 2, 0]] },
  { docs: 256, way: 'full', kernel: 'lanes_way', parts: [[8, 32, 8, 0]] },
  { docs: 1000, way: 'short', kernel: 'lanes_way', parts: [[32, 32, 32, 1]] },
  { docs: 1001, way: 'document by document', kernel: 'lanes_way', parts: [[32, 32, 32, 2]] },
  { docs: 1024, way: 'full', kernel: 'lanes_way', parts: [[32, 32, 32, 0]] },
  { docs: 4096, way: 'full', kernel: 'team_way', parts: [[128, 4, 0]] },
  // Four warps with all their documents, and one with 904.
  // prettier-ignore
  { docs: 5000, way: 'short', kernel: 'team_way', parts: [[128, 5, 0], [32, 5, 1]] },
  { docs: 8192, way: 'full', kernel: 'team_way', parts: [[256, 8, 0]] },
  { docs: 16384, way: 'full', kernel: 'team_way', parts: [[512, 16, 0]] },
];
/** The sweeps over a row that the whole grid shares, of which each thread of a block has 16 documents. */
const sweeps = ['softmax', 'loss', 'gradient'];
if (architectures.includes('90')) {
  const code = Object.entries(kernelsOf(compile('test/cuda/ways.cu', '90').cubin));
  reached.ways = ways.map(({ docs, way, kernel, parts }) => {
    const of = (P) => {
      let [instructions, special, asked, fences] = [0, 0, 0, 0];
      for (const [threads, ...numbers] of parts) {
        const [first, ...rest] = kernel === 'lanes_way' ? numbers : [P, ...numbers];
        const name = `${kernel}I${[first, ...(kernel === 'lanes_way' ? [P] : []), ...rest].map((n) => `Li${n}E`).join('')}`;
        const [, found] = code.find(([mangled]) => mangled.includes(name));
        const local = count(found, opcode.loadLocal, opcode.storeLocal);
        if (local > 0) faults.push(`N = ${docs}, ${way}: ${local} accesses to local memory`);
        instructions += shortest(found) * threads;
        special += shortest(found, opcode.special) * threads;
        fences = Math.max(fences, count(found, opcode.fence));
        // Until a warp has asked for its next stretch.
        asked = Math.max(asked, found.findLastIndex(({ code: what }) => what === opcode.copy) + 1);
      }
      const each = (number) => Math.round((number * 10) / docs) / 10;
      return {
        instructions: each(instructions),
        special: each(special),
        fences,
        ...(asked > 0 && { asked }),
      };
    };
    const threads = parts.reduce((sum, [some]) => sum + some, 0);
    return { docs, way, threads, float32: of(4), bfloat16: of(8) };
  });
  reached.sweeps = sweeps.map((sweep, k) => {
    const of = (P) => {
      const [, found] = code.find(([mangled]) => mangled.includes(`grid_wayILi${P}ELi${k}E`));
      const each = (number) => Math.round((number * 10) / 16) / 10;
      return { instructions: each(shortest(found)), special: each(shortest(found, opcode.special)) };
    };
    return { sweep, float32: of(4), bfloat16: of(8) };
  });
  console.log('the same in each sweep of the whole grid over a row');
  console.table(
    reached.sweeps.map(({ sweep, float32, bfloat16 }) => ({
      sweep,
      float32: float32.instructions,
      bfloat16: bfloat16.instructions,
      special: float32.special,
    })),
  );
  console.log('ckl, gamma 5, sm_90: instructions per document');
  console.table(
    reached.ways.map(({ docs, way, float32, bfloat16 }) => ({
      docs,
      way,
      float32: float32.instructions,
      bfloat16: bfloat16.instructions,
      special: float32.special,
      'fences per row': Math.max(float32.fences, bfloat16.fences),
    })),
  );
}

// Launches of a run with a mean, which the emulator counts (test/emulator/chips_test.cc).
reached.launches = Object.fromEntries(
  [
    ...readFileSync(join(root, 'test/emulator/chips_test.cc'), 'utf8').matchAll(
      /= (\d+);\s+\/\/ launches of "(.+)"/g,
    ),
  ].map(([, number, rows]) => [rows, +number]),
);
console.table(reached.launches);

/** Numbers that must not grow (or, of bytes and blocks, shrink) over what was reached. Other compilers may differ by a twentieth. */
function compare(now, before, path, slack) {
  if (typeof now === 'object') {
    for (const key of Object.keys(now)) {
      if (before?.[key] === undefined) faults.push(`${path} ${key} is not in the results file: --write`);
      else
        compare(
          now[key],
          before[key],
          `${path} ${now[key]?.docs ?? now[key]?.kernel ?? key} ${now[key]?.type ?? ''}`,
          slack,
        );
    }
  } else if (typeof now === 'number') {
    const larger = /bytesInFlight|blocks/.test(path);
    if (larger ? now < before * (1 - slack) : now > before * (1 + slack))
      faults.push(`${path.trim()}: ${now}, ${larger ? 'at least' : 'at most'} ${before}`);
  }
}

const version = /V([\d.]+)/.exec(execFileSync(nvcc, ['--version'], { encoding: 'utf8' }))[1];
const results = join(root, 'bench/results/cuda-budget.json');
if (write) {
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(
    results,
    JSON.stringify(
      {
        question: 'what the compiled kernels of ckl with gamma 5 ask of a GPU',
        nvcc: version,
        commit: commit(),
        date,
        ...reached,
      },
      null,
      1,
    ) + '\n',
  );
} else {
  const before = JSON.parse(readFileSync(results, 'utf8'));
  for (const key of Object.keys(reached))
    compare(reached[key], before[key], key, before.nvcc === version ? 0 : 0.05);
}

for (const fault of faults) console.log(`FAILED ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);
