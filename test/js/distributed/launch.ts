// Programs under mpirun, of each MPI that is installed. In CI a missing one is a failure: .ci/tools installs both.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

export const root = join(__dirname, '../../..');
export const programs = join(__dirname, 'programs');

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Launcher {
  name: 'Open MPI' | 'MPICH';
  command: string;
  library: string;
}

export const launchers: readonly Launcher[] = [
  { name: 'Open MPI', command: 'mpirun.openmpi', library: 'libmpi.so.40' },
  { name: 'MPICH', command: 'mpirun.mpich', library: 'libmpich.so.12' },
];

export const isInstalled = ({ command }: Launcher): boolean =>
  spawnSync(command, ['--version']).error === undefined;

/** A suite for each MPI; skipped where it is not installed, but not in CI. */
export function describeEachMpi(title: string, body: (launcher: Launcher) => void): void {
  for (const launcher of launchers) {
    const here = isInstalled(launcher);
    describe.skipIf(!here && !process.env.CI)(`${title}, ${launcher.name}`, () => {
      if (here) body(launcher);
      else
        it('is installed', () => Promise.reject(new Error(`CI has no ${launcher.command}; see .ci/tools`)));
    });
  }
}

/** Variables without those of a launcher or of a chosen library. */
export function plainEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(OMPI_|PMIX?_|SLURM_|CKL_MPI$)/.test(name));
  return { ...Object.fromEntries(kept), ...more };
}

/** What starts `ranks` processes of a program. */
export function mpirunArguments(
  { name, command }: Launcher,
  ranks: number,
  args: readonly string[],
  variables: Record<string, string> = {},
): { command: string; args: string[]; env: NodeJS.ProcessEnv } {
  const ofLauncher = name === 'Open MPI' ? ['--oversubscribe'] : [];
  const env = plainEnvironment({
    OMPI_ALLOW_RUN_AS_ROOT: '1',
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
    ...variables,
  });
  return { command, args: [...ofLauncher, '-np', String(ranks), process.execPath, ...args], env };
}

/** Starts `ranks` processes of a program. */
export function mpirun(
  launcher: Launcher,
  ranks: number,
  args: readonly string[],
  variables: Record<string, string> = {},
): Promise<Outcome> {
  const { command, args: all, env } = mpirunArguments(launcher, ranks, args, variables);
  return run(command, all, env);
}

export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { cwd: root, env, timeout: 200_000, maxBuffer: 1 << 26 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

/** Lines of JSON that the ranks printed, by rank. */
export function byRank<T extends { rank: number }>(stdout: string): T[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as T)
    .sort((a, b) => a.rank - b.rank);
}

/**
 * What each rank of a program wrote into the folder that is its first argument, as RANK.json: Open MPI's mpirun mixes lines of more than 2 KiB
 * that several ranks print.
 */
export async function written<T>(
  launcher: Launcher,
  ranks: number,
  [program, ...args]: readonly string[],
): Promise<T[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ckl-ranks-'));
  try {
    const { code, stderr } = await mpirun(launcher, ranks, [program, folder, ...args]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return Array.from(
      { length: ranks },
      (_, rank) => JSON.parse(readFileSync(join(folder, `${rank}.json`), 'utf8')) as T,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
