// mpi() under both libraries and their launchers: what it exchanges, how it ends, and what it says where it cannot work.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findMpi } from '../../../lib/distributed/index';
import { launcherOf, libraryNames, wrongLauncher } from '../../../lib/distributed/launcher';
import {
  byRank,
  describeEachMpi,
  isInstalled,
  launchers,
  mpirun,
  plainEnvironment,
  programs,
  root,
  run,
} from './launch';

interface Exchanged {
  rank: number;
  size: number;
  version: string;
  file: string;
  gathered: string[];
  untouched: boolean;
  sums: number[];
  least: number;
  most: number;
  broadcast: number[];
  received: number[];
  nothing: number;
  memoryEvents: string;
  errors: string[];
}

describeEachMpi('mpi()', (launcher) => {
  it('trains in the example of data parallel training as one process does', async () => {
    const { code, stdout, stderr } = await mpirun(launcher, 3, [join(root, 'examples/data-parallel.mjs')]);
    expect([stderr, code]).toEqual(['', 0]);
    const [, one, three] = /one process: loss (\S+); 3 ranks: loss (\S+)/.exec(stdout)!;
    expect(three).toBe(one);
    expect(Number(/difference of the parameters: (\S+)/.exec(stdout)![1])).toBeLessThan(1e-9);
  });

  it.each([1, 2, 3, 4])('exchanges among %i ranks', async (size) => {
    const { code, stdout, stderr } = await mpirun(launcher, size, [join(programs, 'exchange.mjs')]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const ranks = byRank<Exchanged>(stdout);
    expect(ranks.map(({ rank }) => rank)).toEqual(Array.from({ length: size }, (_, k) => k));
    let sum = 0.1;
    for (let rank = 1; rank < size; rank++) sum += 0.1 * (rank + 1);
    for (const found of ranks) {
      expect(found).toMatchObject({ size, untouched: true, nothing: 0, least: 1 - size, most: size - 1 });
      expect(found.version).toContain(launcher.name);
      expect(found.file).toContain(launcher.library);
      expect(found.gathered).toEqual(
        Array.from({ length: size }, (_, k) => [`${k}`, '-0', 'NaN', String(1e300 * (k + 1))]).flat(),
      );
      expect(found.sums).toEqual([sum, sum, sum]);
      expect(found.broadcast).toEqual([size - 1, 7]);
      const before = (found.rank + size - 1) % size;
      expect(found.memoryEvents).toBe('no');
      expect(found.received).toEqual(new Array<number>(before + 1).fill(before));
      expect(found.errors).toEqual([
        'ERR_CKL_TYPE: values is [ 1 ]; it must be a Float64Array',
        `ERR_CKL_OPTION: root is ${size}; it is a rank, 0 to ${size - 1}`,
        "ERR_CKL_OPTION: operation is 'product'; it is sum, min or max",
      ]);
    }
  });

  it('leaves UCX as the user wants it', async () => {
    // Another word for what mpi() sets: with 'yes' one process in seventy dies of it.
    const variables = { UCX_MEM_EVENTS: 'n' };
    const { code, stdout, stderr } = await mpirun(launcher, 1, [join(programs, 'exchange.mjs')], variables);
    expect([stderr, code]).toEqual(['', 0]);
    expect(byRank<Exchanged>(stdout)[0].memoryEvents).toBe('n');
  });

  it('10,000 exchanges do not grow', async () => {
    const { code, stdout } = await mpirun(launcher, 2, ['--expose-gc', join(programs, 'many.mjs')]);
    expect(code).toBe(0);
    const ranks = byRank<{ rank: number; grown: number }>(stdout);
    expect(ranks.length).toBe(2);
    // What the exchanges returned is 256 MB.
    for (const { grown } of ranks) expect(grown).toBeLessThan(64e6);
  });

  it.each(['error', 'kill', 'exit'])('a rank that dies (%s) ends the job', async (how) => {
    const { code, stdout, stderr } = await mpirun(launcher, 2, [join(programs, 'dies.mjs'), how]);
    expect(code).not.toBe(0);
    expect(stdout).not.toContain('not reached');
    if (how === 'error') expect(stderr).toContain('this rank fails');
    if (how === 'exit') expect(code).toBe(7);
  });

  it.each([
    ['queries', 3],
    ['documents', 5],
    ['gather', 9],
    ['ring', 12],
  ])(
    'a rank that dies at any exchange of a run (%s) ends the job',
    async (form, most) => {
      const program = join(programs, 'dies-at.mjs');
      const { stdout } = await mpirun(launcher, 2, [program, form, '-1']);
      const { exchanges } = byRank<{ rank: number; exchanges: number }>(stdout)[1];
      expect(exchanges).toBeGreaterThan(2);
      expect(exchanges).toBeLessThanOrEqual(most);
      // CKL_QUICK=1: the first, one in the middle, and the last.
      const all = Array.from({ length: exchanges }, (_, k) => k);
      const chosen = process.env.CKL_QUICK
        ? all.filter((k) => k === 0 || k === exchanges >> 1 || k === exchanges - 1)
        : all;
      for (const last of chosen) {
        const { code, stdout } = await mpirun(launcher, 2, [program, form, String(last)]);
        expect(code).not.toBe(0);
        // MPICH's launcher says there that a process ended badly.
        expect(stdout).not.toContain('"rank"');
      }
    },
    300_000,
  );

  it("says so when the other library's launcher started it", async () => {
    const other = launchers.find((one) => one !== launcher)!;
    if (!isInstalled(other)) return;
    const { code, stderr } = await mpirun(other, 2, [join(programs, 'exchange.mjs')], {
      CKL_MPI: launcher.library,
    });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/ERR_CKL_GROUP/);
    expect(stderr).toContain(`${other.name}'s mpirun started 2 processes`);
    expect(stderr).toContain(launcher.library);
    expect(stderr).toContain(`CKL_MPI=${other.library}`);
  });

  it('a program that was started by hand is a world of one', async () => {
    const { code, stdout } = await run(
      process.execPath,
      [join(programs, 'exchange.mjs')],
      plainEnvironment({ CKL_MPI: launcher.library }),
    );
    expect(code).toBe(0);
    expect(byRank<Exchanged>(stdout)).toMatchObject([{ rank: 0, size: 1 }]);
  });

  it('doctor names the library', async () => {
    const { stdout } = await run(
      process.execPath,
      ['dist/lab/cli/main.js', 'doctor'],
      plainEnvironment({ CKL_MPI: launcher.library }),
    );
    expect(stdout).toMatch(new RegExp(`^MPI +${launcher.name} .*, \\S*${launcher.library}`, 'm'));
  });
});

describe('without MPI', () => {
  it.each([
    ['libno-such.so.1', 'libno-such.so.1: cannot open shared object file'],
    ['libm.so.6', 'libm.so.6: no MPI library: it lacks MPI_Initialized, MPI_Finalized'],
  ])('%s: says what was tried and what was found, and the rest works', async (library, reason) => {
    const code = `
      const { mpi, findMpi } = require('ckl-loss/distributed');
      const { kl } = require('ckl-loss');
      let thrown;
      try { mpi(); } catch (error) { thrown = { code: error.code, message: error.message }; }
      const batch = { student: new Float32Array(2), teacher: new Float32Array(2), labels: new Uint8Array(2), shape: [1, 2] };
      console.log(JSON.stringify({ rank: 0, thrown, found: findMpi(), counted: kl(batch).counted }));`;
    const { stdout } = await run(process.execPath, ['-e', code], plainEnvironment({ CKL_MPI: library }));
    const [{ thrown, found, counted }] = byRank<{
      rank: 0;
      thrown: { code: string; message: string };
      found: { available: false; reason: string };
      counted: number;
    }>(stdout);
    expect(thrown.code).toBe('ERR_CKL_GROUP');
    expect(thrown.message).toContain(reason);
    expect(thrown.message).toContain('apt-get install openmpi-bin');
    expect(found.available).toBe(false);
    expect(found.reason).toContain(reason);
    expect(counted).toBe(1);
  });

  it('doctor gives the reason, and all is well', async () => {
    const { code, stdout } = await run(
      process.execPath,
      ['dist/lab/cli/main.js', 'doctor'],
      plainEnvironment({ CKL_MPI: 'libno-such.so.1' }),
    );
    expect(stdout).toMatch(/^MPI +not available: no MPI library opens\. Tried: libno-such\.so\.1/m);
    expect(code).toBe(0);
  });

  it('refuses what is no name of a library', () => {
    for (const library of ['', 'a\0b', 7 as unknown as string])
      expect(() => findMpi({ library })).toThrow(/^library is /);
  });

  it('worker threads are told that MPI belongs to the main thread', async () => {
    const code = `
      const { Worker, isMainThread } = require('node:worker_threads');
      new Worker("try { require('ckl-loss/distributed').mpi() } catch (error) { console.log(error.code, error.message) }", { eval: true });`;
    const { stdout } = await run(process.execPath, ['-e', code], plainEnvironment());
    expect(stdout).toMatch(/^ERR_CKL_GROUP mpi\(\) was called in a worker thread/);
  });
});

describe('launchers', () => {
  it.each([
    [{ OMPI_COMM_WORLD_SIZE: '4' }, 'Open MPI', 4, 'libmpi.so.40'],
    [{ PMI_SIZE: '3' }, 'MPICH', 3, 'libmpich.so.12'],
    [{ SLURM_STEP_NUM_TASKS: '8', PMI_SIZE: '8' }, null, 8, 'libmpi.so.40'],
  ])('%o', (variables, abi, size, first) => {
    const launcher = launcherOf(variables);
    expect(launcher).toMatchObject({ abi, size });
    expect(libraryNames(launcher, undefined)[0]).toBe(first);
    expect(libraryNames(launcher, 'mine.so')).toEqual(['mine.so']);
    expect(wrongLauncher(launcher, size, 'lib')).toBe('');
    expect(wrongLauncher(launcher, 1, 'lib')).toContain(`started ${size} processes`);
  });

  it('started by hand, one process is right', () => {
    expect(launcherOf({ SLURM_NTASKS: '4' })).toBe(null);
    expect(wrongLauncher(null, 1, 'lib')).toBe('');
  });
});
