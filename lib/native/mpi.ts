// The addon's functions for MPI, typed. Nothing outside lib/ sees this. MPI is one to a process: all of them are about the same library.
import { native } from './native.js';

export interface NativeMpi {
  /** Opens the first of these libraries that has all that is needed, or gives the one that is open. Initialises nothing. */
  mpiOpen(names: readonly string[]): {
    file?: string;
    abi?: 'Open MPI' | 'MPICH' | 'MPI 5';
    /** As the library names itself. */
    version?: string;
    /** What is wrong with each that was tried before it. */
    tried: string[];
  };
  /** Initialises MPI unless that was done; null where it was finalised. `ours`: whether it was initialised by this. */
  mpiStart(): [rank: number, size: number, ours: boolean] | null;
  mpiAllGather(from: Float64Array, to: Float64Array): void;
  /** In place. */
  mpiBroadcast(data: Float64Array, root: number): void;
  /** `data` goes to rank `to`; `out` is filled by rank `from`. */
  mpiSendReceive(data: Float64Array, to: number, out: Float64Array, from: number): void;
  mpiBarrier(): void;
  /** Finalises what mpiStart initialised. With a code other than 0 it ends the whole job. */
  mpiEnd(code: number): void;
}

export const nativeMpi = native as unknown as NativeMpi;
