// How long does `require` take, and how large is the binary?
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { backends } from '../dist/index.mjs';
import { report, round } from './lib/harness.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const once = `const t = performance.now(); require(${JSON.stringify(root)}); console.log(performance.now() - t)`;
const times = Array.from({ length: 20 }, () =>
  Number(execFileSync(process.execPath, ['-e', once], { encoding: 'utf8' })),
);
const kilobytes = (file) => Math.round(statSync(file).size / 1000);
const addon = require('../dist/native/native.js').loadedAddon.file;

/** The addon without CUDA. It is compiled if this build has CUDA, which takes two minutes the first time. */
function withoutCuda() {
  if (!backends().cuda.built) return addon;
  const build = `${root}build/without-cuda`;
  const cmake = (...args) =>
    execFileSync('cmake', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const headers = [
    `-DCMAKE_JS_INC=${require('node-api-headers').include_dir}`,
    `-DCKL_NAPI_DIR=${root}node_modules/node-addon-api`,
  ];
  cmake(
    '-S',
    root,
    '-B',
    build,
    '-DCKL_CUDA=OFF',
    `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${build}/out`,
    ...headers,
  );
  cmake('--build', build, '--target', 'ckl_loss', '--parallel', String(availableParallelism()));
  return `${build}/out/ckl_loss.node`;
}

report('loading the package', [
  { what: 'require, least of 20 processes, ms', value: round(Math.min(...times), 2) },
  { what: 'require, median of 20 processes, ms', value: round(times.sort((a, b) => a - b)[10], 2) },
  { what: `the addon${backends().cuda.built ? ' with CUDA' : ''}, kB`, value: kilobytes(addon) },
  { what: 'the addon without CUDA, kB', value: kilobytes(withoutCuda()) },
]);
