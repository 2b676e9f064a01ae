// Compiles the kernels for chips of three generations and holds them to their budgets: registers and spilled bytes within
// the caps that stand beside the kernel (none are spilled where no cap says so), and for ckl with gamma 5 the instructions
// that a document costs.
//
//   node test/cuda/budget.mjs [80 90 120]
//   node test/cuda/budget.mjs --fatbin    what a release holds, for all its architectures: minutes
//
// Needs nvcc; without it, it says so and does nothing.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const out = join(root, 'build/budget');
const sources = [
  'rows/general_kernels',
  'ranks/ranks',
  'rows/fast_float32',
  'rows/fast_half',
  'rows/count_queries',
  'device/sum',
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
 * `// Registers at most: 64 (4 elements a thread), 96 (8)` beside a kernel, as { kernel: { elements: registers } }; where
 * `; spills at most: 128 bytes` follows, `spills` is that number.
 */
function readCaps() {
  const caps = {};
  for (const file of [
    ...['fast_kernels', 'fast_grid', 'general_kernels', 'count_queries'].map((name) => `rows/${name}.cuh`),
    'ranks/ranks.cu',
    'device/sum.cu',
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

function compile(source, architecture) {
  const { stdout, stderr, status } = spawnSync(
    nvcc,
    [
      ...[
        '-std=c++17',
        '-O3',
        '-fmad=false',
        '--expt-relaxed-constexpr',
        `-arch=sm_${architecture}`,
        '-Xptxas',
        '-v',
        '-cubin',
      ],
      ...['-o', join(out, `${basename(source)}.${architecture}.cubin`), join(root, 'cuda', `${source}.cu`)],
    ],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(stdout + stderr);
  return stderr;
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
    const code = kind ? `sm_${number}` : `[sm_${number},compute_${number}]`;
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
const architectures = process.argv.length > 2 ? process.argv.slice(2) : ['80', '90', '120'];
for (const architecture of architectures) {
  let count = 0;
  let most = 0;
  for (const source of sources) {
    for (const kernel of kernels(compile(source, architecture))) {
      count++;
      most = Math.max(most, kernel.registers);
      const [, base, elements] = /^(\w+)(?:<.*?, (\d+), \d+.*>)?/.exec(kernel.name);
      const cap = caps[base]?.[elements ?? ''] ?? caps[base]?.[''];
      const fault = (what) => faults.push(`sm_${architecture} ${kernel.name}: ${what}`);
      if (cap === undefined) fault('no cap stands beside it');
      else if (kernel.registers > cap) fault(`${kernel.registers} registers, at most ${cap}`);
      const allowed = caps[base]?.spills ?? 0;
      if (kernel.spills > allowed) fault(`${kernel.spills} bytes of spills, at most ${allowed}`);
      // A call keeps its return address and arguments on the stack; fast kernels call nothing.
      if (base.startsWith('fast_') && kernel.stack > 0) fault(`${kernel.stack} bytes of local memory`);
    }
  }
  console.log(`sm_${architecture}: ${count} kernels, ${most} registers at most`);
}

/** Opcodes, the low 12 bits of an instruction's 16 bytes, alike on all chips since Volta. */
const opcode = { special: 0x308, loadLocal: 0x983, storeLocal: 0x387, nothing: 0x918 };

/** Instructions of the kernel whose name holds `name`: all, those of the special-function unit, accesses to local memory. */
function instructions(file, name) {
  const elf = readFileSync(file);
  const sections = Number(elf.readBigUInt64LE(0x28));
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => elf.readUInt16LE(at));
  const section = (k) => ({
    name: elf.readUInt32LE(sections + k * size),
    at: Number(elf.readBigUInt64LE(sections + k * size + 0x18)),
    bytes: Number(elf.readBigUInt64LE(sections + k * size + 0x20)),
  });
  const strings = section(names).at;
  for (let k = 0; k < count; k++) {
    const { name: offset, at, bytes } = section(k);
    const text = elf.toString('latin1', strings + offset, elf.indexOf(0, strings + offset));
    if (!text.startsWith('.text.') || !text.includes(name)) continue;
    const found = Array.from({ length: bytes / 16 }, (_, i) => elf.readUInt16LE(at + 16 * i) & 0xfff);
    const number = (...codes) => found.filter((code) => codes.includes(code)).length;
    return {
      all: found.length - number(opcode.nothing),
      special: number(opcode.special),
      local: number(opcode.loadLocal, opcode.storeLocal),
    };
  }
  throw new Error(`${file} has no ${name}`);
}

// A row of gamma 5 on its common path: 16-byte loads, no padding, documents that are neither positive nor at the top. Tests
// for what is rare count, and so does all that the row itself costs: finding it, reductions, normalisers, its loss.
const log = spawnSync(
  nvcc,
  [
    ...['-std=c++17', '-O3', '-fmad=false', '--expt-relaxed-constexpr', '-arch=sm_90', '-cubin'],
    ...['-o', join(out, 'common_path.cubin'), join(root, 'test/cuda/common_path.cu')],
  ],
  { encoding: 'utf8' },
);
if (log.status !== 0) throw new Error(log.stdout + log.stderr);
const usual = (elements, lanes) =>
  instructions(join(out, 'common_path.cubin'), `common_pathILi${elements}ELi${lanes}E`);
// Two sizes tell what a document costs from what a row costs.
const slots = (usual(32, 32).all - usual(16, 32).all) / 16;
console.log(`ckl, gamma 5, float32, sm_90: ${slots.toFixed(1)} instructions a further document`);
// 30 were asked for. A document takes 24.9: 7 additions, 7 products, 5 fused, 2 maxima, 2 MUFU, 1 for loads and stores, .5 to
// tell the usual from the rare. A row of 32 documents a thread takes 256 to 275 (160 would do): counted by leaving them out,
// reductions 76, normalisers 36, weight and scale 17, finding the row 21, its loss 9; addresses, constants and tests the rest.
const most = { 256: 33, 1024: 33.6 };
for (const lanes of [8, 32]) {
  const n = 32 * lanes;
  const { all, special, local } = usual(32, lanes);
  console.log(
    `  N = ${n}: ${(all / 32).toFixed(1)} instructions and ${(special / 32).toFixed(1)} MUFU a document in all, ` +
      `the row's own ${Math.round(all - slots * 32)} among them; at most ${most[n]} (asked 30) and 3`,
  );
  if (local > 0) faults.push(`common path, N = ${n}: ${local} accesses to local memory`);
  if (all / 32 > most[n]) faults.push(`N = ${n}: ${all / 32} instructions a document, at most ${most[n]}`);
  if (special / 32 > 3) faults.push(`N = ${n}: ${special / 32} MUFU a document, at most 3`);
}

for (const fault of faults) console.log(`FAILED ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);
