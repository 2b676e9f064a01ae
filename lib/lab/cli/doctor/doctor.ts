// `ckl-loss doctor`: what runs here, what does not and why, and whether the results are right.
import { relative } from 'node:path';
import { type DoctorReport, examine } from './report.js';
import type { Output } from '../progress.js';
import { standardOutput } from '../standard-streams.js';
import { parseOptions } from '../usage.js';

export const DOCTOR_HELP = `ckl-loss doctor: show what runs on this machine, and check that it computes correctly

  --json    write everything as JSON, for bug reports
  --help    show this help

Prints the package, Node and the platform; the binary in use, the instruction sets and threads; CUDA, MPI and NCCL, or why they are not available;
the variables CKL_... that are set; a self-test against stored values on each backend; and a short timing.
The exit code is 0 if everything works, and 1 if something is broken.
`;

/**
 * @param args what follows `doctor` on the command line
 * @returns the exit code
 */
export async function doctor(args: string[], out: Output = standardOutput): Promise<number> {
  const flag = { type: 'boolean' } as const;
  const values = parseOptions(args, { json: flag, help: { type: 'boolean', short: 'h' } });
  if (values.help) {
    out.write(DOCTOR_HELP);
    return 0;
  }
  const report = await examine();
  out.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return report.ok ? 0 : 1;
}

/** The report for a person. */
export function reportText(report: DoctorReport): string {
  const { runtime, platform, machine, cpu } = report;
  const lines = [
    `ckl-loss ${report.package.version}`,
    line('runtime', `${runtime.name} ${runtime.version}, Node-API ${runtime.nodeApi}`),
    line('platform', [platform.name, platform.release, platform.libc].filter(Boolean).join(', ')),
    line('machine', `${machine.processor}, ${machine.hardwareThreads} threads, ${machine.memoryGiB} GiB`),
    line('binary', binaryText(report)),
    cpu && line('CPU', `${cpu.target} (${cpu.targets.join(', ')} run here), threads: ${cpu.threads}`),
    report.cuda && line('CUDA', cudaText(report.cuda)),
    report.mpi && line('MPI', mpiText(report.mpi)),
    report.nccl && line('NCCL', ncclText(report.nccl)),
    line('variables', entriesText(report.environment, '=') || 'none set'),
    line('optional', entriesText(report.optional, ' ')),
    ...report.selfTest.map(({ backend, target, cases, failures }) =>
      line(
        'self-test',
        `${target || backend}: ${failures.length === 0 ? `${cases} cases right` : `${failures.length} of ${cases} cases WRONG`}`,
      ),
    ),
    ...report.timing.map(({ what, microseconds, documentsPerSecond }) =>
      line(
        'timing',
        `${what}: ${microseconds} us, ${(documentsPerSecond / 1e6).toFixed(0)} million documents/s`,
      ),
    ),
    ...(report.auto ?? []).map(({ what, backend, cpu, cuda }) =>
      line('auto', `${what}: ${backend} (cpu ${cpu.toFixed(0)} us, cuda ${cuda.toFixed(0)} us with copies)`),
    ),
    '',
    ...(report.ok ? ['All is well.'] : report.problems.map((problem) => `BROKEN: ${problem}`)),
  ];
  return lines
    .filter((text) => text !== undefined)
    .map((text) => `${text}\n`)
    .join('');
}

const line = (name: string, text: string): string => `${name.padEnd(11)}${text}`;

function binaryText({ addon, package: { folder } }: DoctorReport): string {
  if (addon.file === undefined) return 'none loads';
  const file = relative(folder, addon.file);
  return `${file} (${addon.origin}), ${Math.round(addon.bytes! / 1000)} kB, by ${addon.compiler}`;
}

function cudaText(cuda: NonNullable<DoctorReport['cuda']>): string {
  const version = (number: number): string =>
    `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
  const devices = cuda.devices.map(
    ({ name, capability, memory }) =>
      `${name} (capability ${capability}, ${Math.round(memory / 2 ** 30)} GiB)`,
  );
  const parts = [
    cuda.available ? 'available' : `not available: ${cuda.reason}`,
    ...devices,
    cuda.driverVersion > 0 && `driver for CUDA ${version(cuda.driverVersion)}`,
    cuda.runtimeVersion > 0 && `runtime ${version(cuda.runtimeVersion)}`,
    cuda.advice,
  ];
  return parts.filter(Boolean).join('; ');
}

const mpiText = (mpi: NonNullable<DoctorReport['mpi']>): string =>
  mpi.available ? `${mpi.version}, ${mpi.file}` : `not available: ${mpi.reason}`;

const ncclText = (nccl: NonNullable<DoctorReport['nccl']>): string =>
  nccl.available ? `${nccl.version}, ${nccl.file}` : `not available: ${nccl.reason}`;

const entriesText = (entries: Record<string, string | null>, between: string): string =>
  Object.entries(entries)
    .map(([name, value]) => (value === null ? `${name} not installed` : `${name}${between}${value}`))
    .join(', ');
