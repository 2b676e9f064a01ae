// Where the optional packages are missing, all else works, and what needs them says which and how.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratch } from '../data/files';

const repository = join(__dirname, '../../..');
const files = scratch();
let home: string;

/** The built package with its dependencies alone. */
beforeAll(() => {
  home = join(files.dir, 'alone');
  mkdirSync(join(home, 'node_modules'), { recursive: true });
  cpSync(join(repository, 'dist'), join(home, 'dist'), { recursive: true });
  for (const name of ['build', 'prebuilds', 'package.json', 'examples', 'node_modules/node-gyp-build']) {
    const from = join(repository, name);
    if (existsSync(from)) symlinkSync(from, join(home, name));
  }
});

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: home, encoding: 'utf8' });

describe('without the optional packages', () => {
  it('the losses load and run', () => {
    const { stdout, stderr } = node(
      '-e',
      `const { kl } = require('./dist');
       const one = (...values) => Float32Array.from(values);
       console.log(kl({ student: one(1, 2), teacher: one(2, 1), labels: new Uint8Array([1, 0]), shape: [1, 2] }).loss);`,
    );
    expect(stderr).toBe('');
    expect(Number(stdout)).toBeCloseTo(0.4621, 4);
  });

  it('ckl-loss/tfjs names the package it needs', () => {
    const { stdout } = node(
      '-e',
      `try { require('./dist/tfjs') } catch (error) { console.log(error.name, error.code, error.message) }`,
    );
    expect(stdout).toMatch(/ERR_CKL_TFJS .*@tensorflow\/tfjs-core/);
  });

  it.each(['compare', 'refine'])('%s --html says what to install, before any work', (command) => {
    const sample = join(repository, 'examples/sample');
    const { status, stderr } = node(
      ...['dist/lab/cli/main.js', command, '--html', 'report.html'],
      ...['--data', sample, '--teacher', join(sample, 'teacher.trec')],
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/npm install @observablehq\/plot linkedom\n$/);
    expect(stderr).not.toContain('documents');
  });
});

describe('ckl-loss compare, its command line', () => {
  const run = (...args: string[]) => node('dist/lab/cli/main.js', 'compare', ...args);

  it.each([
    ['no data', [], /--data is needed/],
    ['no such folder', ['--data', 'nowhere', '--teacher', 'x'], /no folder nowhere/],
    ['a loss that there is not', ['--quick', '--losses', 'ckll'], /--losses takes .*did you mean/is],
    ['one fold', ['--quick', '--folds', '1'], /--folds takes 0 or at least 2/],
    ['rates that are none', ['--quick', '--rates', '1,x'], /--rates takes a number/],
    ['a file that is no comparison', ['--from', 'package.json'], /not a comparison that --json wrote/],
  ])('%s ends with code 2 and a reason', (_, args, message) => {
    const { status, stderr } = run(...args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it('explains itself', () => {
    const { status, stdout } = run('--help');
    expect(status).toBe(0);
    expect(stdout).toContain('--wrong-teacher');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(140);
  });
});
