// How long does `require` take, and how large is the binary?
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { report, round } from './lib/harness.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const once = `const t = performance.now(); require(${JSON.stringify(root)}); console.log(performance.now() - t)`;
const times = Array.from({ length: 20 }, () =>
  Number(execFileSync(process.execPath, ['-e', once], { encoding: 'utf8' })),
);
const addon = createRequire(import.meta.url)('../dist/native.js').loadedAddon.file;
report('loading the package', [
  { what: 'require, least of 20 processes, ms', value: round(Math.min(...times), 2) },
  { what: 'require, median of 20 processes, ms', value: round(times.sort((a, b) => a - b)[10], 2) },
  { what: 'the addon, kB', value: Math.round(statSync(addon).size / 1000) },
]);
