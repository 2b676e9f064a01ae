// The pairwise loss of docs/adding-a-loss.md in a copy of the source: without its passes nothing compiles, with them CPU
// and emulated GPU give right values.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from './blocks';

const text = readFileSync(join(root, 'docs/adding-a-loss.md'), 'utf8');
const blocks = [...text.matchAll(/^```\w*\n([^]*?)^```$/gm)].map(([, code]) => code);
const dir = mkdtempSync(join(tmpdir(), 'ckl-adding-pairwise-'));

/** The only block with these words in it. */
function blockWith(words: string): string {
  const found = blocks.filter((code) => code.includes(words));
  expect(found.length, `blocks with ${words}`).toBe(1);
  return found[0];
}

/** Puts lines into a file of the copy, after the line that ends with `after`. */
function insert(lines: string, file: string, after: string): void {
  const path = join(dir, file);
  const all = readFileSync(path, 'utf8').split('\n');
  const place = all.findIndex((line) => line.endsWith(after));
  expect(place, `"${after}" in ${file}`).toBeGreaterThanOrEqual(0);
  all.splice(place + 1, 0, lines);
  writeFileSync(path, all.join('\n'));
}

const usual = ['-std=gnu++17', '-O0', '-w', '-pthread', '-Isrc', '-Itest/emulator/include'];
const compile = (...args: string[]) => spawnSync('c++', [...usual, ...args], { cwd: dir, encoding: 'utf8' });
const cpuKernel = [
  `-DCKL_KERNELS=kernels_${process.arch === 'arm64' ? 'neon' : 'baseline'}`,
  'src/cpu/kernel.cc',
];
const generalKernels = ['-x', 'c++', 'cuda/rows/general_kernels.cu'];

beforeAll(() => {
  for (const name of ['src', 'cuda', 'test/emulator'])
    cpSync(join(root, name), join(dir, name), { recursive: true });
  writeFileSync(join(dir, 'src/losses/pair_hinge.h'), blockWith('// src/losses/pair_hinge.h'));
  insert(
    blockWith('LOSS(pairHinge'),
    'src/losses/losses.def',
    'LOSS(lambdaMrr, LambdaMrr, pairwise, "", false)',
  );
  insert(blockWith('#include "pair_hinge.h"'), 'src/losses/losses.h', '#include "nll.h"');
});
afterAll(() => rmSync(dir, { recursive: true }));

it('without its passes, neither backend compiles, and the error names the loss', () => {
  for (const source of [cpuKernel, generalKernels]) {
    const { status, stderr } = compile('-fsyntax-only', ...source);
    expect(status, source.join(' ')).not.toBe(0);
    expect(stderr).toMatch(/RowPass<.*PairHinge>/);
  }
}, 240_000);

it('with them, both give the loss and gradient of its definition', () => {
  for (const [file, place, neighbour] of [
    ['src/cpu/pair_hinge.h', 'src/cpu/engine.h', '#include "pairwise.h"'],
    ['cuda/rows/pair_hinge.cuh', 'cuda/rows/general_row.cuh', '#include "pairwise.cuh"'],
  ]) {
    expect(text).toContain(`Include this file in \`${place}\``);
    writeFileSync(join(dir, file), blockWith(`// ${file}`));
    insert(`#include "${file.split('/').pop()}"`, place, neighbour);
  }
  const sources = (folder: string, leave: string[]) =>
    readdirSync(join(dir, folder))
      .filter((name) => /\.(cc|cu)$/.test(name) && !/_test\.cc$/.test(name) && !leave.includes(name))
      .map((name) => `${folder}/${name}`);
  const core = sources('src/core', []);
  const main = join(root, 'test/js/docs/pair-hinge.cc');
  const programs = [
    { name: 'cpu', args: [main, ...core, ...sources('src/cpu', ['targets.cc', 'kernel.cc']), ...cpuKernel] },
    {
      name: 'cuda',
      args: [
        ...['-DPAIR_HINGE_CUDA', '-x', 'c++', main, ...core],
        ...['common', 'device', 'launch', 'ranks'].flatMap((folder) =>
          sources(`cuda/${folder}`, ['info.cu']),
        ),
        ...sources('cuda/rows', ['fast_float32.cu', 'fast_half.cu']),
        ...sources('test/emulator', ['targets.cc', 'golden.cc']),
      ],
    },
  ];
  for (const { name, args } of programs) {
    const program = join(dir, `pair-hinge-${name}`); // cuda is the name of a folder
    const { status, stderr } = compile('-o', program, ...args);
    expect(status, stderr).toBe(0);
    const { stdout } = spawnSync(program, { encoding: 'utf8' });
    expect(stdout).toMatch(/^loss \d\.\d+, worst difference \d\.\de-0[6-9], counted 2\n$/);
  }
}, 600_000);
