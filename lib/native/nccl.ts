// The addon's functions for NCCL, typed. Internal to lib/. Errors of NCCL have the property `nccl`, those of
// CUDA `cudaCode`.
import { native, type NativeDevice } from './native.js';

/** Element types that `sum` adds, as the addon numbers them. */
export const summableTypes = { float32: 0, bfloat16: 1, float16: 2, float64: 3 } as const;

/**
 * This process's place in a group of GPUs. Addresses and streams are numbers; everything is enqueued, and all
 * ranks make the same calls.
 */
export interface NativeNcclRank {
  allGather(from: number, to: number, bytes: number, stream: number): void;
  /** In place. */
  broadcast(address: number, bytes: number, root: number, stream: number): void;
  /** In place: the arrays of all ranks added in their order. Its scratch space is that of one call at a time: who changes streams joins them. */
  sum(address: number, elements: number, type: number, stream: number): void;
  dispose(): void;
}

export interface NativeNccl {
  /** Opens the first of these libraries that has all required functions, or returns the one that is open. */
  ncclOpen(names: readonly string[]): {
    file?: string;
    version?: string;
    /** Whether another component had already loaded it. */
    loaded?: boolean;
    /** Why each of the libraries tried before it was rejected. */
    tried: string[];
  };
  /** 128 bytes by which ranks find each other; created by one rank. */
  ncclId(): Uint8Array;
  /** Returns when all ranks have called it. */
  NcclRank: new (device: NativeDevice, size: number, rank: number, id: Uint8Array) => NativeNcclRank;
}

export const nativeNccl = native as unknown as NativeNccl;
