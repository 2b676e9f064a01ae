// Mutations of the C++ and CUDA code, compiled in under one switch and run one at a time against the suite that should see each.
//
//   node test/mutants/native.mjs [--list] [--only 3,17] [--part losses,cpu,scoring,addon,cuda] [--json FILE] [--tree DIR]
//                                 [--built] [--without accuracy,emulator]
//
// --built: the tree is there from a run before, with the same mutations in it; several of these may run at once.
// --without: suites that take long, for a first look.
//
// A mutation is { in, code, to, equivalent? }: `code` occurs once below `in`, and what stands between « and » in it is replaced by `to`. The
// tree is copied to DIR (build/mutants), every such place becomes `ckl_mutant(n) ? to : what stood there`, and CKL_MUTANT=n chooses. Nothing of
// this is in the sources that are shipped.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import addon from './native/addon.mjs';
import cpu from './native/cpu.mjs';
import cuda from './native/cuda.mjs';
import losses from './native/losses.mjs';
import scoring from './native/scoring.mjs';

const root = resolve(import.meta.dirname, '../..');
const { values: options } = parseArgs({
  options: {
    list: { type: 'boolean' },
    only: { type: 'string' },
    part: { type: 'string', default: 'losses,cpu,scoring,addon,cuda' },
    json: { type: 'string' },
    tree: { type: 'string', default: join(root, 'build/mutants') },
    built: { type: 'boolean' },
    without: { type: 'string', default: '' },
    minutes: { type: 'string', default: process.env.CKL_MUTANT_MINUTES ?? '60' },
  },
});
const tree = resolve(options.tree);

/** Which suites should see a mutation, the fastest first: the next is only run when the one before saw nothing. */
const SUITES = {
  losses: ['quick', 'sums', 'api', 'bits', 'accuracy'],
  cpu: ['quick', 'sums', 'api', 'bits', 'pool', 'threads', 'accuracy'],
  scoring: ['scoring', 'embeddings'],
  addon: ['plan', 'api'],
  cuda: ['emulatorQuick', 'cudaApi', 'emulatorKernels', 'emulatorEdges', 'emulator'],
};
const vitest = [
  ...[process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run'],
  ...['--bail', '1', '--testTimeout', '0', '--hookTimeout', '0'],
];
const cpuSuite = (cases) => ['test/cpp/ckl_tests', '--abort-after=1', `--test-case=${cases}`];
const emulatorSuite = (option) => ['test/cpp/ckl_emulator_tests', '--abort-after=1', option];
const COMMANDS = {
  scoring: cpuSuite(
    'blocks*,MaxSim*,sparse*,scores and*,the same bits*,a score*,of wider*,gradients*,zero*,top k*,nothing*,candidates*',
  ),
  embeddings: [...vitest, 'test/js/embeddings'],
  // A second or two; the others take minutes.
  quick: cpuSuite('losses*,checks*,edges*,extremes*,ranks*,diagnostics*,numbers*,bounds*'),
  sums: cpuSuite('accuracy: weighted sums*,accuracy: reductions*,accuracy: temperatures*'),
  bits: cpuSuite('bits*,isa*'),
  pool: cpuSuite('pool*'),
  accuracy: cpuSuite('accuracy*'),
  // Seconds, a minute or so for the two in the middle, and minutes.
  emulatorQuick: emulatorSuite(
    `--test-case=${['reductions', 'weighted', 'ranks', 'pairwise', 'padded'].map((what) => `kernels: ${what}*`)}`,
  ),
  emulatorKernels: emulatorSuite(
    '--test-case=teams*,kernels*,golden: every*,bits*,alignment*,chips*,memory*',
  ),
  emulatorEdges: emulatorSuite('--test-case=edges*,extremes*,diagnostics*'),
  emulator: emulatorSuite('--test-case=golden: in rows*,emulator*'),
  // On device memory, through an addon of its own.
  cudaApi: [...vitest, ...['losses', 'graphs', 'views'].map((name) => `test/js/cuda/${name}.test.ts`)],
  plan: [...vitest, 'test/js/native/plan.test.ts', 'test/js/native/staged.test.ts'],
  api: [
    ...vitest,
    ...['golden', 'edges', 'pair-mean', 'beta-range', 'errors', 'between-calls'].map(
      (name) => `test/js/loss/${name}.test.ts`,
    ),
  ],
  threads: [...vitest, 'test/js/loss/threads.test.ts'],
};

const ENVIRONMENTS = { cudaApi: { CKL_BACKEND: 'cuda', CKL_LOSS_PREBUILD: join(tree, 'emulate') } };

const all = Object.entries({ losses, cpu, addon, cuda, scoring })
  .flatMap(([part, list]) => list.map((mutant) => ({ part, ...mutant })))
  .map((mutant, i) => ({ number: i + 1, ...mutant }));
const parts = options.part.split(',');
const chosen = options.only
  ? options.only.split(',').map((number) => all[Number(number) - 1])
  : all.filter(({ part }) => parts.includes(part));

const filesBelow = (path) =>
  statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => filesBelow(join(path, name))) : [path];

/** Where a mutation's code stands: file, first and last character of what is replaced. Throws unless there is just one such place. */
function placeOf({ number, in: where, code }) {
  const [before, from, after] = code.split(/[«»]/);
  const plain = before + from + after;
  const found = filesBelow(join(root, where)).flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const places = [];
    for (let at = text.indexOf(plain); at >= 0; at = text.indexOf(plain, at + 1)) places.push({ file, at });
    return places;
  });
  if (found.length !== 1)
    throw new Error(
      `mutation ${number}: its code occurs ${found.length} times below ${where}, not once:\n  ${code}`,
    );
  const start = found[0].at + before.length;
  return { file: found[0].file.slice(root.length + 1), start, end: start + from.length, from };
}

const numbers = new Set(chosen.map(({ number }) => number));
const problems = [];
const placed = all.flatMap((mutant) => {
  try {
    return [{ ...mutant, ...placeOf(mutant) }];
  } catch (error) {
    problems.push(error.message);
    return [];
  }
});
if (problems.length > 0) {
  console.error(
    `${problems.join('\n')}\n${problems.length} mutations no longer fit the code: mend test/mutants/native`,
  );
  process.exit(1);
}
if (options.list) {
  for (const { number, part, file, from, to } of placed)
    console.log(`${number}\t${part}\t${file}\t${from}  ->  ${to || '(nothing)'}`);
  process.exit(0);
}

const compiled = placed.filter(({ number }) => numbers.has(number));

/** `what` as one operand or statement that a mutation chooses. */
function switched({ number, to, from }) {
  // `&& x` and the like are taken away whole; statements are chosen by an `if` within a lambda's or function's text.
  const operator = /^(&&|\|\|)\s*(.*)$/s.exec(from);
  if (operator)
    return `${operator[1]} (ckl_mutant(${number}) ? ${operator[1] === '&&'} : bool(${operator[2]}))`;
  return `(ckl_mutant(${number}) ? (${to}) : (${from}))`;
}

function writeTree() {
  mkdirSync(tree, { recursive: true });
  for (const name of [
    'src',
    'cuda',
    'lib',
    'test',
    'docs',
    'CMakeLists.txt',
    'package.json',
    'vitest.config.mts',
    'tsconfig.json',
  ])
    cpSync(join(root, name), join(tree, name), { recursive: true, preserveTimestamps: true });
  if (!existsSync(join(tree, 'node_modules')))
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  for (const file of new Set(compiled.map((mutant) => mutant.file))) {
    const mutants = compiled.filter((mutant) => mutant.file === file);
    let text = readFileSync(join(root, file), 'utf8');
    // From the end of the file to its beginning, what lies within another place first.
    const spans = [...mutants].sort((a, b) => b.start - a.start || a.end - b.end);
    for (let i = 0; i < spans.length;) {
      const { start, end } = spans[i];
      const same = spans.filter((other) => other.start === start && other.end === end);
      const code = same.reduce(
        (inner, mutant) => switched({ ...mutant, from: inner }),
        text.slice(start, end),
      );
      text = text.slice(0, start) + code + text.slice(end);
      for (const other of spans.slice(i + same.length)) {
        if (other.end <= start) continue;
        if (other.end < end)
          throw new Error(`mutations ${same[0].number} and ${other.number} overlap in part`);
        other.end += code.length - (end - start);
      }
      i += same.length;
    }
    writeFileSync(join(tree, file), text);
  }
  oneInstructionSet();
  writeFileSync(
    join(tree, 'mutant.h'),
    `#pragma once
#ifdef __cplusplus
extern int ckl_mutant_number;
inline __attribute__((always_inline)) bool ckl_mutant(int number) { return __builtin_expect(ckl_mutant_number == number, 0); }
#endif
`,
  );
  const check = join(tree, 'src/core/check.cc');
  writeFileSync(
    check,
    `#include <cstdlib>\n${readFileSync(check, 'utf8')}
int ckl_mutant_number = std::getenv("CKL_MUTANT") ? std::atoi(std::getenv("CKL_MUTANT")) : 0;
`,
  );
}

/** Kernels are most of the compiling: of x86-64's instruction sets only AVX2 stays, whose code the others share. */
function oneInstructionSet() {
  if (process.arch !== 'x64') return;
  const edit = (file, ...changes) => {
    let text = readFileSync(join(tree, file), 'utf8');
    for (const [from, to] of changes) {
      if (!from.test(text)) throw new Error(`${file} no longer has ${from}: mend ${import.meta.filename}`);
      text = text.replace(from, to);
    }
    writeFileSync(join(tree, file), text);
  };
  edit(
    'CMakeLists.txt',
    [/^ *ckl_kernels\(baseline[^)]*\).*\n/m, ''],
    [/^ *ckl_kernels\(avx512[^)]*\)\n/m, ''],
  );
  edit(
    'src/cpu/targets.cc',
    [/list\.push_back\(\{"baseline", &kernels_baseline\}\);/, ''],
    [/if \(avx2 && __builtin_cpu_supports\("avx512f"\)[^;]*;/, ''],
  );
  edit(
    'src/scoring/scoring.cc',
    [/if \(!std::strcmp\(target\.name, "avx512"\)\)[^;]*;/, ''],
    [
      /return std::strcmp\(target\.name, "avx2"\) \? scoring_baseline : scoring_avx2;/,
      '(void)target; return scoring_avx2;',
    ],
  );
  edit('test/cpp/probes.h', [/\{&probe_baseline, &probe_avx2, &probe_avx512\}/, '{&probe_avx2}']);
}

/** The addon with emulated kernels has a build folder of its own. */
const emulated = join(tree, 'emulate');

function build() {
  const wanted = new Set(chosen.flatMap(({ part }) => SUITES[part]));
  const targets = [
    ...(wanted.has('quick') || wanted.has('scoring') ? ['ckl_tests'] : []),
    ...(wanted.has('emulatorQuick') ? ['ckl_emulator_tests'] : []),
    ...(wanted.has('plan') || wanted.has('api') || wanted.has('embeddings') ? ['ckl_loss'] : []),
  ];
  buildIn(join(tree, 'build'), join(tree, 'build/Release'), ['-DCKL_CUDA=OFF', '-DCKL_TESTS=ON'], targets);
  if (wanted.has('cudaApi'))
    buildIn(emulated, join(emulated, 'build/Release'), ['-DCKL_CUDA=EMULATE'], ['ckl_loss']);
}

function buildIn(folder, output, settings, targets) {
  const of = (name) => execFileSync(process.execPath, ['-p', name], { cwd: root, encoding: 'utf8' }).trim();
  const ninja = spawnSync('ninja', ['--version']).status === 0;
  const configure = [
    ...['-S', tree, '-B', folder, ...(ninja ? ['-G', 'Ninja'] : []), ...settings],
    `-DCMAKE_CXX_FLAGS=-include ${join(tree, 'mutant.h')}`,
    `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${output}`,
    `-DCMAKE_JS_INC=${of("require('node-api-headers').include_dir")}`,
    `-DCKL_NAPI_DIR=${of("path.dirname(require.resolve('node-addon-api'))")}`,
    ...(existsSync('/usr/bin/ccache') ? ['-DCMAKE_CXX_COMPILER_LAUNCHER=ccache'] : []),
  ];
  execFileSync('cmake', configure, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { status, stdout } = spawnSync(
    'cmake',
    ['--build', folder, '--parallel', process.env.CKL_JOBS ?? '2', '--target', ...targets],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (status !== 0) throw new Error(`the mutated tree does not compile:\n${stdout.slice(-6000)}`);
}

/** Seconds of the processor, not of a clock that also counts what else the machine does: a mutation may never end. */
const LIMIT = 900;

function run(suite, number) {
  const [program, ...args] = COMMANDS[suite];
  const started = performance.now();
  const inTree = program !== process.execPath;
  const { status, signal, stdout, stderr } = spawnSync(
    'bash',
    ['-c', `ulimit -t ${LIMIT}; exec "$@"`, 'bash', inTree ? join(tree, 'build', program) : program, ...args],
    {
      cwd: tree,
      env: { ...process.env, CKL_MUTANT: String(number), CKL_LOSS_PREBUILD: '', ...ENVIRONMENTS[suite] },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  );
  const text = `${stdout}${stderr}`;
  const seen =
    /TEST CASE:\s*(.*)/.exec(text)?.[1] ??
    /FAIL\S*\s+(.*)/.exec(text)?.[1] ??
    (signal ? `ended by ${signal}` : '');
  return {
    killed: status !== 0,
    seconds: (performance.now() - started) / 1000,
    seen: seen.slice(0, 120),
    text,
  };
}

if (!options.built) {
  rmSync(join(tree, 'src'), { recursive: true, force: true });
  rmSync(join(tree, 'cuda'), { recursive: true, force: true });
  writeTree();
  console.log(
    `compiling ${compiled.length} mutations of ${new Set(compiled.map(({ file }) => file)).size} files into one tree`,
  );
  build();
}

/** Every suite passes without a mutation, or what it notices means nothing; tried when it is first needed. */
const fine = new Set();
function passes(suite) {
  if (fine.has(suite)) return;
  const { killed, seconds, text } = run(suite, 0);
  if (killed) throw new Error(`the suite ${suite} fails without a mutation:\n${text.slice(-3000)}`);
  if (/test cases: +0 /.test(text) || /^0 test cases/m.test(text))
    throw new Error(`the suite ${suite} runs no test:\n${text.slice(-3000)}`);
  fine.add(suite);
  console.log(`${suite} passes in ${seconds.toFixed(1)} s without a mutation`);
}

const results = [];
const end = performance.now() + 60_000 * Number(options.minutes);
for (const { number } of chosen) {
  if (performance.now() > end) break;
  const { part, file, from, to, equivalent } = placed.find((mutant) => mutant.number === number);
  let outcome = { killed: false, suite: '', seen: '', seconds: 0 };
  for (const suite of equivalent ? [] : SUITES[part]) {
    if (options.without.split(',').includes(suite)) continue;
    passes(suite);
    const { killed, seen, seconds } = run(suite, number);
    outcome = { killed, suite, seen, seconds: outcome.seconds + seconds };
    if (killed) break;
  }
  results.push({ number, part, file, from, to, equivalent, ...outcome });
  const state = outcome.killed ? 'killed  ' : equivalent ? 'equal   ' : 'SURVIVED';
  console.log(
    `${state} ${String(number).padStart(3)} ${file}: ${from} -> ${to || '(nothing)'}  [${outcome.suite} ${outcome.seconds.toFixed(1)} s] ${outcome.seen}`,
  );
}
const meaningful = results.filter(({ equivalent }) => !equivalent);
const killed = meaningful.filter((result) => result.killed).length;
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
const notRun = chosen.length - results.length;
console.log(
  `${killed} of ${meaningful.length} mutations killed (${((100 * killed) / Math.max(1, meaningful.length)).toFixed(1)} %), ` +
    `${results.length - meaningful.length} equivalent${notRun ? `, ${notRun} not run for want of time` : ''}`,
);
process.exit(killed >= 0.95 * meaningful.length ? 0 : 1);
