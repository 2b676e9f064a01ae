// `npm run test:gpu`: everything that needs a GPU, step by step; the last lines say what passed. Logs are in build/gpu.
//   --require      what cannot run here is a failure (without it: it is left out, and without a GPU there is nothing to do)
//   --only LIST    of cpp,api,cuda,gpu,sanitizer
//   --no-build     take build/gpu and dist as they are, such as carried here from a machine that has compilers
//   --emulated     on emulated kernels with small sizes: whether the tests themselves work, without a GPU
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import * as build from './build.mjs';
import { api, apiEmulated, notCpuAlone } from './suites.mjs';

const flag = { type: 'boolean', default: false };
const { values } = parseArgs({
  options: { ...{ require: flag, 'no-build': flag, emulated: flag }, only: { type: 'string' } },
});
const { emulated } = values;
const { root, out } = build;
const only = values.only?.split(',');

/** What the addon in use knows of GPUs; null if none loads. */
function cudaInfo() {
  const code = 'console.log(JSON.stringify(require("./dist/index.js").backends().cuda))';
  const { status, stdout } = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' });
  return status === 0 ? JSON.parse(stdout) : null;
}

function leave(reason) {
  console.log(reason);
  process.exit(values.require ? 1 : 0);
}

const useBuilt = () => {
  if (build.hasAddon(emulated)) process.env.CKL_LOSS_PREBUILD = build.addonFolder(emulated);
};
useBuilt();

// Whether there is a GPU, asked without compiling anything.
if (!emulated) {
  const info = existsSync(join(root, 'dist/index.js')) ? cudaInfo() : null;
  if (!info?.available) {
    const { status, stdout } = spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8' });
    if (status !== 0 || !stdout.includes('GPU')) {
      const reason = info?.built ? info.reason : 'nvidia-smi finds none';
      leave(`no GPU here (${reason}): nothing to test. --emulated runs what can be run on emulated kernels`);
    }
  }
}

const results = [];
function note(name, ended, seconds, words) {
  results.push({ name, ended });
  console.log(`${ended.padEnd(8)} ${name.padEnd(20)} ${String(Math.round(seconds)).padStart(4)} s  ${words}`);
}

/** What a log has to say in a line. */
function lastWords(text) {
  const lines = stripVTControlCharacters(text).trim().split('\n');
  const tests = lines.filter((line) => /^\s*Tests\s|test cases: |ERROR SUMMARY/.test(line));
  return (tests.at(-1) ?? lines.at(-1) ?? '').replaceAll('=========', '').trim().slice(0, 90);
}

/** Runs one step, its output in a log; prints the end of it where it fails. */
function step(group, name, command, args, { env = {}, minutes = emulated ? 20 : 4 } = {}) {
  if (only && !only.includes(group)) return;
  console.log(`         ${name} ...`);
  const start = performance.now();
  const log = join(out, `${name.replaceAll(/[^\w]+/g, '-')}.log`);
  const file = openSync(log, 'w');
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', file, file],
    env: { ...process.env, ...(emulated ? { CKL_TEST_RUNS: '2' } : {}), ...env },
    timeout: minutes * 60e3,
    killSignal: 'SIGKILL',
  });
  closeSync(file);
  const text = readFileSync(log, 'utf8');
  const seconds = (performance.now() - start) / 1e3;
  if (status === 0) return note(name, 'ok', seconds, lastWords(text));
  note(name, 'FAILED', seconds, error?.message ?? signal ?? lastWords(text));
  console.log(text.trim().split('\n').slice(-60).join('\n'));
}

function leftOut(group, name, reason) {
  if (only && !only.includes(group)) return;
  note(name, values.require ? 'FAILED' : 'left out', 0, reason);
}

// ---- build
if (!values['no-build']) {
  const start = performance.now();
  const canBuild = emulated || build.nvcc();
  const fault =
    build.buildScripts() || (canBuild ? (emulated ? build.buildForEmulator() : build.buildForGpu()) : '');
  if (fault) {
    console.log(fault);
    process.exit(1);
  }
  note(
    'build',
    canBuild ? 'ok' : 'left out',
    (performance.now() - start) / 1e3,
    canBuild ? '' : 'no nvcc: the addon that is here',
  );
}
useBuilt();
const cuda = cudaInfo();
if (!cuda?.available) leave(`no GPU can be used: ${cuda?.reason ?? 'no addon loads'}`);
console.log(
  `${cuda.devices.map(({ name, capability }) => `${name} (${capability})`).join(', ')}, CUDA ${cuda.driverVersion / 1000}`,
);

// ---- the C++ suites
const program = build.testsProgram(emulated);
if (!existsSync(program)) leftOut('cpp', 'cpp', `${program} was not built: no nvcc here`);
else if (!emulated) step('cpp', 'cpp', program, []);
else
  for (const cases of ['small:*', 'golden: every*'])
    step('cpp', `cpp ${cases}`, program, [`--test-case=${cases}`]);

// ---- the JavaScript suites
const vitest = (...args) => ['node_modules/vitest/vitest.mjs', 'run', ...args];
const files = (emulated ? apiEmulated : api).map((name) => `test/js/${name}.test.ts`);
step('api', 'api on cuda', process.execPath, vitest(...files, '-t', notCpuAlone, '--testTimeout', '600000'), {
  env: { CKL_BACKEND: 'cuda' },
});
step(
  'cuda',
  'device memory',
  process.execPath,
  vitest(emulated ? 'test/js/cuda/graphs' : 'test/js/cuda', '--testTimeout', '600000'),
);
const own = (...names) =>
  vitest('--config', 'test/gpu/vitest.config.mts', ...names.map((name) => `test/gpu/${name}.test`));
step('gpu', 'gpu side by side', process.execPath, [
  ...own('widths', 'bits', 'devices', 'exits'),
  '--fileParallelism',
]);
// These look at memory that is free, or take all of it.
step('gpu', 'gpu one by one', process.execPath, own('large', 'streams', 'training', 'failures'));

// ---- compute-sanitizer
const sanitizer = ['compute-sanitizer', '/usr/local/cuda/bin/compute-sanitizer'].find(
  (file) => spawnSync(file, ['--version']).status === 0,
);
const watched = ['--error-exitcode', '99', '--print-limit', '20', '--target-processes', 'all'];
for (const tool of ['memcheck', 'racecheck', 'initcheck', 'synccheck']) {
  const name = `sanitizer ${tool}`;
  if (emulated) step('sanitizer', `${name}, script`, process.execPath, ['test/gpu/sanitized.cjs']);
  else if (!sanitizer || !existsSync(program))
    leftOut('sanitizer', name, 'compute-sanitizer, or the C++ suite, is not here');
  else step('sanitizer', name, sanitizer, ['--tool', tool, ...watched, program, '--test-case=small:*']);
  if (emulated) break;
}
if (!emulated && sanitizer)
  step('sanitizer', 'sanitizer script', sanitizer, [
    '--tool',
    'memcheck',
    ...watched,
    process.execPath,
    'test/gpu/sanitized.cjs',
  ]);

const count = (ended) => results.filter((result) => result.ended === ended).length;
console.log(`${count('ok')} passed, ${count('FAILED')} failed, ${count('left out')} left out`);
process.exit(count('FAILED') > 0 ? 1 : 0);
