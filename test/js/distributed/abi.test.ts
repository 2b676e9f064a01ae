// MPI 5's standard ABI by the name of its library, and MPI that somebody else in the process has initialised.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byRank, describeEachMpi, mpirun, plainEnvironment, programs, run } from './launch';

const folder = mkdtempSync(join(tmpdir(), 'ckl-abi-'));
afterAll(() => rmSync(folder, { recursive: true }));

const compile = (source: string, file: string, ...more: string[]) =>
  execFileSync(process.env.CC ?? 'cc', ['-shared', '-fPIC', '-O1', '-o', file, source, ...more], {
    stdio: 'pipe',
  });

describe("MPI 5's standard ABI, over a stand-in", () => {
  const library = join(folder, 'libmpi_abi.so.0');
  beforeAll(() => void compile(join(__dirname, 'mpi_abi_standin.c'), library));

  /** Ranks without a launcher. `found`: whether the library is found by its name, or named. */
  const ranks = (size: number, name: string, found: boolean) =>
    Promise.all(
      Array.from({ length: size }, (_, rank) =>
        run(
          process.execPath,
          [join(programs, 'exchange.mjs')],
          plainEnvironment({
            ...(found ? { LD_LIBRARY_PATH: folder, CKL_MPI: 'libmpi_abi.so.0' } : { CKL_MPI: library }),
            STANDIN_FILE: join(folder, name),
            STANDIN_SIZE: String(size),
            STANDIN_RANK: String(rank),
          }),
        ),
      ),
    );

  it.each([
    [1, true],
    [2, false],
    [3, true],
  ])('%i ranks exchange; found by name: %s', async (size, found) => {
    const job = `job-${size}`;
    const all = await ranks(size, job, found);
    for (const { code, stderr } of all) {
      expect(stderr).toBe('');
      expect(code).toBe(0);
    }
    const told = all.flatMap(({ stdout }) => byRank<Record<string, unknown> & { rank: number }>(stdout));
    let sum = 0.1;
    for (let rank = 1; rank < size; rank++) sum += 0.1 * (rank + 1);
    told.forEach((one, rank) => {
      expect(one).toMatchObject({ rank, size, file: library, version: "Stand-in of MPI 5's standard ABI" });
      expect(one.sums).toEqual([sum, sum, sum]);
      expect(one.broadcast).toEqual([size - 1, 7]);
      const before = (rank + size - 1) % size;
      expect(one.received).toEqual(new Array<number>(before + 1).fill(before));
      // Initialised here, and so finalised.
      expect(existsSync(join(folder, `${job}.finalized.${rank}`))).toBe(true);
    });
  });
});

describeEachMpi('MPI that somebody else has initialised', (launcher) => {
  /** A component that is loaded before anything of this package, and uses MPI by itself. */
  const component = join(folder, `${launcher.command}.so`);
  beforeAll(() => {
    const source = join(folder, 'component.c');
    writeFileSync(
      source,
      `#include <stdio.h>
       #include <stdlib.h>
       int MPI_Init(int*, char***); int MPI_Finalized(int*); int MPI_Finalize(void);
       static void end(void) {
         int done = 0;
         MPI_Finalized(&done);
         printf("finalised by another: %d\\n", done);
         if (!done) MPI_Finalize();
       }
       /* In ranks, and not in what launches them. */
       __attribute__((constructor)) static void begin(void) {
         if (!getenv("OMPI_COMM_WORLD_RANK") && !getenv("PMI_RANK")) return;
         MPI_Init(0, 0);
         atexit(end);
       }`,
    );
    const [found] = execFileSync('ldconfig', ['-p'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env.PATH}:/sbin` },
    })
      .split('\n')
      .filter((line) => line.trim().startsWith(`${launcher.library} `));
    compile(source, component, found.split('=> ')[1].trim());
  });

  it('is taken as it is, and not finalised', async () => {
    const { code, stdout } = await mpirun(launcher, 2, [join(programs, 'exchange.mjs')], {
      LD_PRELOAD: component,
    });
    expect(code).toBe(0);
    expect(byRank<{ rank: number; size: number }>(stdout)).toMatchObject([
      { rank: 0, size: 2 },
      { rank: 1, size: 2 },
    ]);
    expect(stdout.match(/^finalised by another: 0$/gm)).toHaveLength(2);
  });
});
