// `mpirun ckl-loss compare`: the JSON of one process but for `made`, progress from rank 0, checkpoints that another number of ranks goes on from.
import { mkdtempSync, readFileSync, rmSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { describeEachMpi, mpirun, plainEnvironment, root, run } from './launch';

const main = join(root, 'dist/lab/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'ckl-compare-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const options = [
  ...[
    'compare',
    '--quick',
    '--data',
    join(root, 'examples/sample'),
    '--epochs',
    '1',
    '--docs',
    '12',
    '--batch',
    '32',
  ],
  ...['--students', 'dense', '--losses', 'kl', '--wrong-teacher', '0', '--wrong-labels', '0', '--jobs', '1'],
];
const bytesOf = (name: string) => readFileSync(at(name), 'utf8').replace(/,"made":\{[^{}]*\}/, '');

describeEachMpi('compare under mpirun', (launcher) => {
  const own = (name: string) => `${launcher.command}-${name}`;

  it('writes the bytes of one process, and goes on from what is left of a run of other ranks', async () => {
    const alone = await run(
      process.execPath,
      [main, ...options, '--json', at(own('alone'))],
      plainEnvironment(),
    );
    expect(alone.code).toBe(0);
    const two = await mpirun(launcher, 2, [
      main,
      ...options,
      '--json',
      at(own('two')),
      '--checkpoint',
      at(own('ck')),
    ]);
    expect(two.stderr.match(/ train, /g)).toHaveLength(1);
    expect(two.code).toBe(0);
    expect(two.stdout.match(/Means over/g)).toHaveLength(1);
    expect(bytesOf(own('two'))).toBe(bytesOf(own('alone')));

    // As if rank 1 had died before it finished anything.
    expect(
      readdirSync(folder)
        .filter((name) => name.startsWith(own('ck')))
        .sort(),
    ).toEqual([own('ck.1of2'), own('ck.2of2')]);
    rmSync(at(own('ck.2of2')));
    const three = await mpirun(launcher, 3, [
      main,
      ...options,
      '--json',
      at(own('three')),
      '--checkpoint',
      at(own('ck')),
    ]);
    expect(three.code).toBe(0);
    expect(three.stderr).toMatch(/trainings were done before/);
    expect(bytesOf(own('three'))).toBe(bytesOf(own('alone')));
  });

  it('refuses what one process alone can write', async () => {
    const { code, stderr } = await mpirun(launcher, 2, [main, ...options, '--log', at('log')]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('--log is written by one process; leave it out under mpirun');
  });
});
