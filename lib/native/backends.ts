// Determines what this machine and this build can run, and chooses backend, instruction set and thread count.
import { describe, didYouMean, oneOf } from '../describe.js';
import { environment } from './environment.js';
import { CklRangeError } from '../errors.js';
import { native } from './native.js';
import type { BackendName, CpuTarget } from '../types.js';

export interface Backends {
  cpu: {
    available: true;
    /** The instruction sets that this machine supports, best last. */
    targets: CpuTarget[];
    /** The one that is used: the best, or that of CKL_CPU_TARGET. */
    target: CpuTarget;
    /** The number of threads used: one per hardware thread, or CKL_THREADS. */
    threads: number;
    /** The compiler of the addon. */
    compiler: string;
  };
  cuda: {
    /** Whether this binary has CUDA code at all. */
    built: boolean;
    available: boolean;
    /** Why it is not available; '' if it is. */
    reason: string;
    /** E.g. 13000 for CUDA 13.0; 0 if unknown. */
    runtimeVersion: number;
    driverVersion: number;
    /**
     * `memory` in bytes; `compiles`: this binary has no machine code for the GPU, so the driver compiles the
     * kernels on first use.
     */
    devices: { name: string; capability: string; memory: number; compiles: boolean }[];
  };
}

/**
 * The backends of this machine and, if CUDA is not available, the reason.
 * @throws RangeError if CKL_CPU_TARGET or CKL_THREADS has a value that this machine does not support.
 */
export function backends(): Backends {
  const cpu = native.cpu();
  const cuda = native.cuda();
  const targets = cpu.targets as CpuTarget[];
  const target = (chooseCpuTarget(undefined) || targets[targets.length - 1]) as CpuTarget;
  const threads = chooseThreads(undefined) || cpu.hardwareThreads;
  return { cpu: { available: true, targets, target, threads, compiler: cpu.compiler }, cuda };
}

/** Whether the choice between CPU and GPU is left to the library, by the option `backend` or by CKL_BACKEND. */
export function isAuto(option: string | undefined): boolean {
  const [value] = pick(option, 'backend', environment().backend, 'CKL_BACKEND');
  return value === undefined || value === 'auto';
}

/**
 * The backend for an option `backend`, or for CKL_BACKEND if the option is not given. `auto` starts on the
 * CPU; see auto.ts.
 */
export function chooseBackend(option: string | undefined): BackendName {
  const [value, source] = pick(option, 'backend', environment().backend, 'CKL_BACKEND');
  const names = ['auto', 'cpu', 'cuda'];
  if (value !== undefined && !names.includes(value)) {
    throw new CklRangeError(
      'ERR_CKL_BACKEND',
      `${source} is ${describe(value)}${didYouMean(value, names)}; it must be ${oneOf(names)}`,
    );
  }
  if (value !== 'cuda') return 'cpu';
  const cuda = native.cuda();
  if (cuda.available) return 'cuda';
  throw new CklRangeError(
    'ERR_CKL_BACKEND',
    `${source} is 'cuda', but CUDA is not available: ${cuda.reason || 'no device was found'}. ` +
      `Use 'cpu' or 'auto'; \`npx ckl-loss doctor\` shows what is missing`,
  );
}

/** The instruction set, or '' for the best available. */
export function chooseCpuTarget(option: string | undefined): string {
  const [value, source] = pick(option, 'cpuTarget', environment().cpuTarget, 'CKL_CPU_TARGET');
  if (value === undefined) return '';
  const { targets } = native.cpu();
  if (targets.includes(value)) return value;
  throw new CklRangeError(
    'ERR_CKL_BACKEND',
    `${source} is ${describe(value)}${didYouMean(value, targets)}; this machine can run ${oneOf(targets)}`,
  );
}

/** Maximum number of threads. More never help, and the limit detects a size passed as the wrong option. */
const maxThreads = 1024;

/** The number of threads, or 0 for one per hardware thread. */
export function chooseThreads(option: number | undefined): number {
  const [value, source] = pick(option, 'threads', environment().threads, 'CKL_THREADS');
  if (value === undefined) return 0;
  const threads = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (Number.isInteger(threads) && (threads as number) >= 0 && (threads as number) <= maxThreads)
    return threads as number;
  throw new CklRangeError(
    'ERR_CKL_OPTION',
    `${source} is ${describe(value)}; it must be an integer from 1 to ${maxThreads}, or 0 for one per hardware thread ` +
      `(${native.cpu().hardwareThreads} here)`,
  );
}

/** The option if given, else the variable, and the name to use in errors. */
function pick<T>(option: T | undefined, name: string, variable: string | undefined, variableName: string) {
  return option !== undefined ? ([option, name] as const) : ([variable, variableName] as const);
}
