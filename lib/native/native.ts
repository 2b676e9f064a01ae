// Loads the native addon and types its raw, positional interface. Internal to lib/.
import { basename, join } from 'node:path';
import { AddonError } from '../errors.js';
import type { ParameterValues } from '../parameters.js';
import { loadAddon, type LoadedAddon } from './addon.js';
import type { NativeMemoryKind, NativeStatus, NativeType } from './codes.js';

/** One loss of a weighted sum, with all the parameters that it takes. */
export interface NativeTerm extends ParameterValues {
  loss: string;
  weight: number;
}

/** Everything about a loss that stays the same from call to call. */
export interface NativePlanSpec {
  terms: NativeTerm[];
  backend: 'cpu' | 'cuda';
  studentTemperature: number;
  teacherTemperature: number;
  reduction: 'mean' | 'sum' | 'none';
  /** lambdaMrr only: average over the pairs of each query, or over all pairs of the batch. */
  pairMean: 'query' | 'batch';
  gradScale: number;
  /** '' = the best this machine has. */
  cpuTarget: string;
  /** 0 = one per hardware thread. */
  threads: number;
  /**
   * Scratch space for rows up to this length is allocated at once, unless other plans share theirs (0: on
   * first use).
   */
  reserveDocs: number;
}

/** The arguments that a run passes to the addon. */
export type RunArguments = Parameters<NativePlan['run']>;

export type HalfArray = Uint16Array;
export type ScoreArray = Float32Array | HalfArray;
export type RankArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array;

/**
 * A prepared loss. `run` reads rows `b` at `b * stride` (or at `offsets[b]`), checks every value it is about to use,
 * and writes nothing unless it returns 0.
 */
export interface NativePlan {
  run(
    student: ScoreArray,
    teacher: ScoreArray | null,
    labels: Uint8Array,
    offsets: Int32Array | null,
    ranks: RankArray | null,
    beta: Float32Array | null,
    relevance: Float32Array | null,
    weights: Float32Array | null,
    grad: ScoreArray,
    perQuery: Float32Array,
    /** Has the teacher's type code. */
    teacherGrad: ScoreArray | null,
    /** [weight, ratio (per document, laid out like the student)], [entropy, separation, separationTop10 (per query)] */
    diagnostics: [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array] | null,
    scalars: Float64Array,
  ): NativeStatus;

  /**
   * `run` for one rank's share of the queries, on the CPU. `share` has the divisor of the mean of each of 8
   * terms, then the number of counted queries: countShare writes those of this rank, and runShare reads those
   * of all ranks. They are followed by what each query adds to each term's divisor (written by countShare if
   * the batch has weights), or to the loss (written by runShare).
   */
  countShare(...args: [...Parameters<NativePlan['run']>, share: Float64Array]): NativeStatus;
  runShare(...args: [...Parameters<NativePlan['run']>, share: Float64Array]): NativeStatus;

  /**
   * A step of `run` on the CPU for a rank with a part of every list. `numbers`: the step
   * (lib/loss/sharded.ts), the first query, one past the last query, this rank's first document, the number
   * of ranks, and the maximum number of chunks of 4096 documents on a rank. `gathered`: the records that all
   * ranks wrote in the step before; `record`: the record for the next step.
   */
  shardStep(
    ...args: [
      ...Parameters<NativePlan['run']>,
      numbers: Float64Array,
      gathered: Float64Array,
      record: Float64Array,
    ]
  ): NativeStatus;

  /**
   * The same on a thread of libuv's pool, or with backend 'cuda' on one of the addon's own threads. Inputs
   * are copied before this returns; outputs are written just before the promise settles, and only if its
   * status is 0. `abort` stops it early (status `aborted`).
   */
  runAsync(...args: [...Parameters<NativePlan['run']>, abort: NativeAbortFlag | null]): Promise<NativeStatus>;

  /**
   * Changes the specification. A new plan instead would leave the old one in memory until the event loop
   * turns, which a loop of plain calls never does. Running jobs keep the old specification. Throws as the
   * constructor does, and is then unchanged.
   */
  configure(spec: NativePlanSpec): void;

  /**
   * Releases the scratch space at once, because the garbage collector does not know of that memory. It is
   * freed with the last plan that shares it (on the CPU, plans of the same instruction set and number of
   * threads). A run allocates it again. Running jobs have their own.
   */
  dispose(): void;

  /** The instruction set and thread count this plan uses; on a GPU its architecture (sm_90) and 0. */
  readonly target: string;
  readonly threads: number;

  /** Identifies the plan to runStaged while it exists. */
  readonly id: number;
}

/** Aborts the jobs that were started with it. */
export interface NativeAbortFlag {
  set(): void;
}

export interface NativeLossInfo {
  name: string;
  family: 'distribution' | 'pairwise';
  /** When a query is counted. */
  needs: string;
  /** The names of its hyper-parameters. */
  parameters: string[];
  /** Whether it reads the teacher's scores; `order`: only to order documents, without relevance. */
  teacher: boolean | 'order';
}

export interface NativeCudaInfo {
  /** Whether this binary was compiled with CUDA at all. */
  built: boolean;
  available: boolean;
  /** Why it is not available, in words; '' if it is. */
  reason: string;
  /** E.g. 13000 for 13.0; 0 if unknown. */
  runtimeVersion: number;
  driverVersion: number;
  devices: { name: string; capability: string; memory: number; compiles: boolean }[];
}

/**
 * A GPU. Streams are CUDA's handles as numbers, and addresses numbers, too. All throw an Error whose `cudaCode` is CUDA's number of what
 * failed; promises reject with it.
 */
export interface NativeDevice {
  memory(): [free: number, total: number];
  synchronize(stream: number): void;
  idle(stream: number): boolean;
  /** What `stream` is given from now on waits for what `other` holds now. */
  join(stream: number, other: number): void;
  /** Settles when the stream has done what it holds now, after what was asked of the stream before. */
  pending(stream: number): Promise<void>;
  /** Has read the array when it returns. */
  toDevice(address: number, from: ArrayBufferView, stream: number): void;
  /** Waits, and has written the array when it returns. */
  toHost(to: ArrayBufferView, address: number, stream: number): void;
  /** toDevice, enqueued: settles when the GPU has it. An array in memory of allocateHost is read until then, any other before this returns. */
  upload(address: number, from: ArrayBufferView, stream: number): Promise<void>;
  copy(to: number, from: number, bytes: number, stream: number): void;
  fill(address: number, byte: number, bytes: number, stream: number): void;
  /** Enqueued at once; has written the array when it settles. */
  download(to: ArrayBufferView, address: number, stream: number): Promise<void>;
  /** Page-locked memory of at least a byte, zeros. Freed by the garbage collector, or by releaseHost. Null where the engine allows none. */
  allocateHost(bytes: number): ArrayBuffer | null;
}

/** Freed by dispose(), or by the garbage collector. */
export interface NativeDeviceMemory {
  readonly address: number;
  dispose(): void;
}

export interface NativeDeviceStream {
  readonly handle: number;
  dispose(): void;
}

/** Enqueues losses of batches in device memory. One stream at a time: who changes it joins the two. */
export interface NativeDeviceLoss {
  /** Enqueues what the DeviceScalars tell of. `offsets`: those of a ragged batch in host memory, in place of an address. */
  enqueue(offsets: Int32Array | null): NativeStatus;
  /**
   * `enqueue` of one rank's share of the queries: as NativePlan's countShare and runShare. Both wait for the stream, runShare not with reduction
   * 'none', which has no loss to add up.
   */
  countShare(offsets: Int32Array | null, share: Float64Array): NativeStatus;
  runShare(offsets: Int32Array | null, share: Float64Array): NativeStatus;
  dispose(): void;
}

export interface NativeDeviceGraph {
  /** Other than ok: why there is no graph. */
  readonly status: NativeStatus;
  launch(stream: number): void;
  /**
   * From the next launch on it works on the arrays at the addresses of these DeviceScalars: those that it was captured with, of the same types.
   * Rows stay. Other than ok: CUDA cannot do that (`shape`), or the arrays are others (`type`); nothing has changed.
   */
  replace(call: Float64Array): NativeStatus;
  dispose(): void;
}

export interface NativeBinding {
  /** Of the sources it was compiled from: see interface.ts. */
  interface: string;
  Plan: new (spec: NativePlanSpec) => NativePlan;
  /**
   * `run` for a small batch in one buffer, together with its scalars and the plan's id: see
   * lib/loss/small-batch.ts.
   */
  runStaged(stage: ArrayBuffer): NativeStatus;
  AbortFlag: new () => NativeAbortFlag;
  Device: new (index: number) => NativeDevice;
  DeviceMemory: new (device: NativeDevice, bytes: number) => NativeDeviceMemory;
  DeviceStream: new (device: NativeDevice) => NativeDeviceStream;
  /** `call` has the shape of the largest batch, for which memory is allocated. */
  DeviceLoss: new (device: NativeDevice, spec: NativePlanSpec, call: Float64Array) => NativeDeviceLoss;
  /** The loss of the batch that the DeviceScalars tell of, with scratch space of its own. */
  DeviceGraph: new (loss: NativeDeviceLoss, offsets: Int32Array | null) => NativeDeviceGraph;
  /** Detaches what allocateHost gave, and frees its memory when no copy is at it. */
  releaseHost(buffer: ArrayBuffer): void;
  /** What an address is, and on which device. `expected`: a device that may be started to find out, or -1. */
  pointerInfo(address: number, expected: number): [kind: NativeMemoryKind, device: number];
  /** Competition ranks of the scores among the valid documents of each query; 0 for masked ones. */
  ranks(
    student: ScoreArray,
    studentType: NativeType,
    labels: Uint8Array | null,
    queries: number,
    docs: number,
    stride: number,
    offsets: Int32Array | null,
    out: Uint32Array,
    scalars: Float64Array,
  ): NativeStatus;
  /** alpha * (1 / rank - mean over the positives of 1 / rank) for negatives; 0 for positives and masked documents. */
  rankBias(
    ranks: RankArray,
    labels: Uint8Array,
    queries: number,
    docs: number,
    stride: number,
    offsets: Int32Array | null,
    alpha: number,
    out: Float32Array,
    scalars: Float64Array,
  ): NativeStatus;
  /**
   * The ranks of documents in short lists. `rows` has four numbers for each of `count` rows: where its list
   * starts in `documents` and `ranks`, the list's length, and the first and one past the last of its
   * documents in `codes` and `out`. Documents that the list lacks get `absent`.
   */
  listedRanks(
    documents: Uint32Array,
    ranks: Uint16Array,
    rows: Float64Array,
    count: number,
    codes: Uint32Array,
    absent: number,
    out: Float32Array,
  ): NativeStatus;
  losses(): NativeLossInfo[];
  /** The instruction sets this machine can run, best last; compiler and build facts. */
  cpu(): { targets: string[]; hardwareThreads: number; compiler: string };
  cuda(): NativeCudaInfo;
  /** CUDA's name and description of an error code. */
  cudaError(code: number): [name: string, words: string];
}

/** The addon and its origin. */
export const loadedAddon: LoadedAddon = loadAddon(packageRoot());

/**
 * In the package this file is part of dist/index.js (scripts/bundle.cjs), or the separate file
 * dist/native/native.js.
 */
function packageRoot(): string {
  // A bundle of ES modules has no __dirname, and so no folder from which to search.
  if (typeof __dirname === 'undefined') throw new AddonError([], true);
  return join(__dirname, basename(__dirname) === 'native' ? '../..' : '..');
}

export const native = loadedAddon.exports as NativeBinding;
