// docs/adding-a-loss.md, followed to the letter in a copy of the source: its loss compiles, has right values and right types.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from './blocks';

const text = readFileSync(join(root, 'docs/adding-a-loss.md'), 'utf8');
const blocks = [...text.matchAll(/^```\w*\n([^]*?)^```$/gm)].map(([, code]) => code);
const dir = mkdtempSync(join(tmpdir(), 'ckl-adding-'));

/** The only block with these words in it. */
function blockWith(words: string): string {
  const found = blocks.filter((code) => code.includes(words));
  expect(found.length, `blocks with ${words}`).toBe(1);
  return found[0];
}

/** Puts a block into a file of the copy, after the line that ends with `after`. */
function insert(words: string, file: string, after: string): void {
  const path = join(dir, file);
  const lines = readFileSync(path, 'utf8').split('\n');
  const place = lines.findIndex((line) => line.endsWith(after));
  expect(place, `"${after}" in ${file}`).toBeGreaterThanOrEqual(0);
  lines.splice(place + 1, 0, blockWith(words));
  writeFileSync(path, lines.join('\n'));
}

function run(command: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: dir, encoding: 'utf8' });
  if (status !== 0) expect.fail(`${command} ends with ${status}\n${stdout}${stderr}`);
  return stdout;
}

beforeAll(() => {
  for (const name of ['src', 'lib', 'test/cpp', 'tsconfig.json', 'tsconfig.build.json'])
    cpSync(join(root, name), join(dir, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  writeFileSync(join(dir, 'src/losses/jeffreys.h'), blockWith('// src/losses/jeffreys.h'));
  insert('LOSS(jeffreys', 'src/losses/losses.def', 'LOSS(nll, Nll, distribution, "", false)');
  insert('#include "jeffreys.h"', 'src/losses/losses.h', '#include "nll.h"');
  insert("family: 'distribution'", 'lib/losses.ts', 'export const losses = {');
  insert('jeffreys: object;', 'lib/loss/functions.ts', 'export interface LossParameters {');
  insert("plain('jeffreys')", 'lib/loss/functions.ts', "export const nllAsync = pooled('nll');");
});
afterAll(() => rmSync(dir, { recursive: true }));

const compile = (output: string, ...args: string[]): string =>
  run('c++', ['-std=gnu++17', '-O0', '-w', '-pthread', '-Isrc', '-o', output, ...args]);

it('the kernels compute its loss and gradient', () => {
  const kernels = `-DCKL_KERNELS=kernels_${process.arch === 'arm64' ? 'neon' : 'baseline'}`;
  const core = ['core/check.cc', 'cpu/cpu_backend.cc', 'cpu/ordering.cc', 'cpu/pool.cc', 'cpu/kernel.cc'];
  compile('jeffreys', kernels, join(root, 'test/js/docs/jeffreys.cc'), ...core.map((name) => `src/${name}`));
  expect(run(join(dir, 'jeffreys'), [])).toMatch(/^loss [1-9].*, counted 3\n$/);
}, 240_000);

it('the tests of derivatives take it up', () => {
  compile('derivatives', '-Itest/cpp/standin', 'test/cpp/main.cc', 'test/cpp/losses_test.cc');
  run(join(dir, 'derivatives'), []);
  // They see a wrong derivative of this very loss.
  const header = join(dir, 'src/losses/jeffreys.h');
  writeFileSync(header, readFileSync(header, 'utf8').replace('(q - x.p) - reverse', '(q - x.p) + reverse'));
  compile('derivatives', '-Itest/cpp/standin', 'test/cpp/main.cc', 'test/cpp/losses_test.cc');
  const { status, stdout, stderr } = spawnSync(join(dir, 'derivatives'), { encoding: 'utf8' });
  expect(status).not.toBe(0);
  expect(stdout + stderr).toContain('jeffreys');
}, 240_000);

it('TypeScript has its functions and takes it by name', () => {
  const use =
    "import { prepare, jeffreys } from './index.js';\nexport const made = [jeffreys, prepare('jeffreys', { shape: [1, 2] })];\n";
  writeFileSync(join(dir, 'lib/use-jeffreys.ts'), use);
  run(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.build.json',
    '--noEmit',
  ]);
}, 120_000);
