// Where and when something was measured: machine, commit, date, time and memory it took.
import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';

export interface Provenance {
  date: string;
  /** The commit of the source tree; absent in an installed package. */
  commit?: string;
  machine: string;
  node: string;
  seconds: number;
  /** Processor time of all threads. */
  cpuSeconds: number;
  /** Peak resident memory, in MiB. */
  peakMiB: number;
}

/** @param seconds duration of the work */
export async function provenance(seconds: number): Promise<Provenance> {
  const processors = cpus();
  const { user, system } = process.cpuUsage();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: await commit(),
    machine: `${processors[0]?.model.trim() ?? process.arch}, ${processors.length} threads, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    seconds,
    cpuSeconds: Math.round((user + system) / 1e6),
    peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

async function commit(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      'git',
      ['describe', '--always', '--dirty', '--exclude', '*'],
      {
        cwd: __dirname,
      },
    );
    return stdout.trim();
  } catch {
    return undefined;
  }
}
