// Gathers the report of `ckl-loss doctor`: machine, package, what is in use, and problems.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { FailedAddon } from '../../../native/addon.js';
import type { FoundMpi, FoundNccl } from '../../../distributed/index.js';
import type { AutoChoice } from '../../../loss/auto.js';
import type { Backends } from '../../../native/backends.js';
import type { AddonError } from '../../../errors.js';
import type * as Native from '../../../native/native.js';
import type { SelfTest, Timing } from './selftest.js';

export interface DoctorReport {
  /** Whether nothing is wrong. */
  ok: boolean;
  /** The problems, each with a remedy. */
  problems: string[];
  package: { version: string; folder: string };
  runtime: { name: string; version: string; nodeApi: string };
  platform: { name: string; release: string; libc: string };
  machine: { processor: string; hardwareThreads: number; memoryGiB: number };
  addon: {
    /** The binary in use; absent if none loads. */
    file?: string;
    origin?: 'compiled here' | 'prebuilt';
    bytes?: number;
    compiler?: string;
    /** Other binaries that did not load. */
    failed: readonly FailedAddon[];
  };
  cpu?: Pick<Backends['cpu'], 'targets' | 'target' | 'threads'>;
  cuda?: Backends['cuda'] & { advice: string };
  /** The MPI library that `mpi()` would use, or why there is none. */
  mpi?: FoundMpi;
  /** The NCCL that `nccl()` would use, or why there is none. */
  nccl?: FoundNccl;
  /**
   * With a GPU: the choice of backend 'auto' for prepared losses of some sizes, and the times behind it in
   * microseconds.
   */
  auto?: (AutoChoice & { what: string })[];
  /** The variables CKL_... that are set. */
  environment: Record<string, string>;
  /** Versions of the optional packages; null = not installed. */
  optional: Record<string, string | null>;
  selfTest: SelfTest[];
  timing: Timing[];
}

const root = join(__dirname, '../../../..');

/** Checks everything. Never throws: failures are in `problems`. */
export async function examine(): Promise<DoctorReport> {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
    peerDependencies?: Record<string, string>;
  };
  const processors = cpus();
  const report: DoctorReport = {
    ok: false,
    problems: [],
    package: { version: manifest.version, folder: root },
    runtime: runtimeOf(process.versions),
    platform: { name: `${process.platform}-${process.arch}`, release: release(), libc: libcVersion() },
    machine: {
      processor: processors[0]?.model.trim() || 'unknown',
      hardwareThreads: processors.length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    addon: { failed: [] },
    environment: Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        name.startsWith('CKL_') ? [[name, value!]] : [],
      ),
    ),
    optional: Object.fromEntries(
      Object.keys(manifest.peerDependencies ?? {}).map((name) => [name, installedVersion(name)]),
    ),
    selfTest: [],
    timing: [],
  };
  await examineAddon(report);
  report.ok = report.problems.length === 0;
  return report;
}

/** All that needs the addon. */
async function examineAddon(report: DoctorReport): Promise<void> {
  let native: typeof Native;
  try {
    native = await import('../../../native/native.js');
  } catch (error) {
    report.addon.failed = (error as AddonError).tried ?? [];
    report.problems.push((error as Error).message);
    return;
  }
  const { file, origin, failed } = native.loadedAddon;
  const { targets, hardwareThreads, compiler } = native.native.cpu();
  // A missing file was not needed. One that exists but is broken is reported.
  const broken = failed.filter((attempt) => existsSync(attempt.file));
  report.addon = { file, origin, bytes: statSync(file).size, compiler, failed: broken };
  for (const { file: path, reason } of broken)
    report.problems.push(`${path} does not load: ${reason}; delete it`);

  const { chooseBackend, chooseCpuTarget, chooseThreads } = await import('../../../native/backends.js');
  const chosen = <T>(choose: () => T, otherwise: T): T => {
    try {
      return choose();
    } catch (error) {
      report.problems.push((error as Error).message);
      return otherwise;
    }
  };
  const best = targets[targets.length - 1];
  const cuda = native.native.cuda();
  report.cuda = { ...cuda, advice: cudaAdvice(cuda) };
  const { findMpi, findNccl } = await import('../../../distributed/index.js');
  report.mpi = findMpi();
  report.nccl = findNccl();
  chosen(() => chooseBackend(undefined), 'cpu');
  report.cpu = {
    targets: targets as Backends['cpu']['targets'],
    target: (chosen(() => chooseCpuTarget(undefined), '') || best) as Backends['cpu']['target'],
    threads: chosen(() => chooseThreads(undefined), 0) || hardwareThreads,
  };

  const { selfTest, timing } = await import('./selftest.js');
  report.selfTest = report.cpu.targets.map((cpuTarget) => selfTest({ backend: 'cpu', cpuTarget }));
  if (cuda.available) report.selfTest.push(selfTest({ backend: 'cuda' }));
  for (const { backend, target, failures } of report.selfTest) {
    if (failures.length === 0) continue;
    report.problems.push(
      `the self-test fails on ${target || backend}: wrong results; please report this (${failures[0]})`,
    );
  }
  if (report.problems.length > 0) return;
  report.timing = timing();
  if (cuda.available) report.auto = await autoChoices();
}

async function autoChoices(): Promise<DoctorReport['auto']> {
  const [{ chooseBySpeed }, { planOf }, { losses }] = await Promise.all([
    import('../../../loss/auto.js'),
    import('../../../loss/options.js'),
    import('../../../index.js'),
  ]);
  const shapes = [
    [1024, 64],
    [16384, 64],
    [1024, 1024],
  ] as const;
  return shapes.map(([queries, docs]) => ({
    what: `ckl ${queries} x ${docs}`,
    ...chooseBySpeed(planOf(losses.ckl, {}).spec, [queries, docs])!,
  }));
}

/** What a user can do about CUDA; the addon gives the reason itself. */
export function cudaAdvice(cuda: Backends['cuda']): string {
  if (cuda.available)
    return cuda.devices.some((device) => device.compiles)
      ? 'this binary has no machine code for the GPU: the driver compiles a few general kernels at first use, which can take a minute, and keeps them where CUDA_CACHE_PATH says; rows of more than 512 documents are then slower than need be; for code of this GPU, run npm rebuild ckl-loss on this machine'
      : '';
  if (!cuda.built)
    return 'the CPU is used; to compile with CUDA, put nvcc on the PATH and run npm rebuild ckl-loss';
  if (cuda.devices.length > 0) return 'nothing to do: the CPU is used';
  if (cuda.driverVersion === 0)
    return 'the CPU is used; if this machine has an NVIDIA GPU, install its driver (in a container: --gpus all)';
  if (cuda.driverVersion < cuda.runtimeVersion) return 'the CPU is used; update the NVIDIA driver';
  return 'the CPU is used; see what nvidia-smi says, and whether CUDA_VISIBLE_DEVICES hides the GPU';
}

function runtimeOf(versions: NodeJS.ProcessVersions): DoctorReport['runtime'] {
  const nodeApi = versions.napi ?? 'unknown';
  for (const name of ['bun', 'deno']) {
    if (versions[name] !== undefined) return { name, version: versions[name], nodeApi };
  }
  return { name: 'Node', version: `v${versions.node}`, nodeApi };
}

/** 'glibc 2.36', 'musl', or '' if the platform has only one. */
function libcVersion(): string {
  if (process.platform !== 'linux') return '';
  const { header } = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime ? `glibc ${header.glibcVersionRuntime}` : 'musl';
}

function installedVersion(name: string): string | null {
  try {
    return (createRequire(__filename)(`${name}/package.json`) as { version: string }).version;
  } catch (error) {
    // A package may be installed without exporting its package.json.
    return (error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? 'installed' : null;
  }
}
