// The addon's functions for MPI, typed. Internal to lib/. A process has one MPI, so all functions use the
// same library.
import { native } from './native.js';

export interface NativeMpi {
  /**
   * Opens the first of these libraries that has all required functions, or returns the one that is open. Does
   * not initialise MPI.
   */
  mpiOpen(names: readonly string[]): {
    file?: string;
    abi?: 'Open MPI' | 'MPICH' | 'MPI 5';
    /** The library's own name and version. */
    version?: string;
    /** Why each of the libraries tried before it was rejected. */
    tried: string[];
  };
  /**
   * Initialises MPI unless that was already done; null if it was finalised. `ours`: whether this module
   * initialised it.
   */
  mpiStart(): [rank: number, size: number, ours: boolean] | null;
  mpiAllGather(from: Float64Array, to: Float64Array): void;
  /** In place. */
  mpiBroadcast(data: Float64Array, root: number): void;
  /** `data` goes to rank `to`; `out` is filled by rank `from`. */
  mpiSendReceive(data: Float64Array, to: number, out: Float64Array, from: number): void;
  mpiBarrier(): void;
  /** Finalises MPI if mpiStart initialised it. A code other than 0 aborts the whole job. */
  mpiEnd(code: number): void;
}

export const nativeMpi = native as unknown as NativeMpi;
