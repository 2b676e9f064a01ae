// Loads the native addon and gives its raw, positional interface a type. Nothing outside lib/ sees this.
import { basename, join } from 'node:path';
import type { ParameterValues } from '../parameters.js';
import { loadAddon, type LoadedAddon } from './addon.js';

/** Element types as the addon numbers them. */
export const enum NativeType {
  float32 = 0,
  bfloat16 = 1,
  float16 = 2,
}

/** What a call to the addon returns: 0, or why nothing was computed. Mirrors src/core/status.h. */
export const enum NativeStatus {
  ok = 0,
  /** An argument has the wrong array type, or its memory is detached. */
  type = 1,
  /** An argument is shorter than the batch needs: value = its length, required = what is needed. */
  size = 2,
  /** A label other than 0, 1, 255. */
  label = 3,
  /** A rank below 1, or NaN. */
  rank = 4,
  /** gamma - beta below 1, or NaN; value = beta. */
  beta = 5,
  /** A query weight that is negative, NaN or infinite. */
  weight = 6,
  /** An offset that is negative, smaller than the one before, or past the end of the scores. */
  offset = 7,
  /** A relevance that is NaN or infinite. */
  relevance = 8,
  /** No memory for the scratch space; value = bytes asked for. */
  memory = 9,
  /** The abort flag was set while the job ran. */
  aborted = 10,
  /** A shape that cannot be addressed: queries, docs or stride negative or too large. */
  shape = 11,
  /** A CUDA call failed; value = CUDA's error code. */
  device = 12,
}

/** The argument an error is about. Mirrors src/core/status.h. */
export const enum NativeArgument {
  none = 0,
  student = 1,
  teacher = 2,
  labels = 3,
  offsets = 4,
  ranks = 5,
  beta = 6,
  relevance = 7,
  weights = 8,
  grad = 9,
  perQuery = 10,
  teacherGrad = 11,
  diagnosticWeight = 12,
  diagnosticRatio = 13,
  diagnosticEntropy = 14,
  diagnosticSeparation = 15,
  diagnosticSeparationTop10 = 16,
}

/**
 * The scalars of a call, a Float64Array of length 16 (of a staged run, the start of its buffer): numbers go through one array because each argument of a native call costs more than
 * an addition does.
 */
export const enum Scalar {
  /** Out: reduced loss (mean or sum; for reduction "none" the weighted sum). */
  loss = 0,
  /** Out: how many queries were counted. */
  counted = 1,
  /** Out, on an error: the NativeArgument, the query, the document within the query, the value, the length required. */
  argument = 3,
  query = 4,
  document = 5,
  value = 6,
  required = 7,
  /** In, for a run: the layout (docs is ignored when there are offsets), and the NativeTypes. */
  queries = 8,
  docs = 9,
  stride = 10,
  studentType = 11,
  teacherType = 12,
  gradType = 13,
  /** In, for a staged run: bit k is set where the NativeArgument k is there; and the NativeRankType. */
  present = 14,
  rankType = 15,
}

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
  /** 0 = as many as the machine has. */
  threads: number;
  /** Scratch space is made for rows up to this long at once, unless other plans have some to share (0: when first needed). */
  reserveDocs: number;
}

/** What a run passes to the addon. */
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
    /** Same type code as the teacher. */
    teacherGrad: ScoreArray | null,
    /** [weight, ratio (per document, laid out like the student)], [entropy, separation, separationTop10 (per query)] */
    diagnostics: [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array] | null,
    scalars: Float64Array,
  ): NativeStatus;

  /** The same for a small batch, which stands in one buffer with its scalars: see lib/loss/small-batch.ts. */
  runStaged(stage: ArrayBuffer): NativeStatus;

  /**
   * The same on a thread of the libuv pool. Inputs are copied before this returns; outputs are written just before the promise settles, and
   * only if its status is 0. `abort` stops it early (status `aborted`).
   */
  runAsync(...args: [...Parameters<NativePlan['run']>, abort: NativeAbortFlag | null]): Promise<NativeStatus>;

  /**
   * Gives it another specification. Making a new plan instead would leave the old one in memory until the event loop turns, which a loop of
   * plain calls does not do. Jobs in the pool end as they began. Throws as the constructor does, and is then what it was.
   */
  configure(spec: NativePlanSpec): void;

  /**
   * Lets go of the scratch space at once, which is freed with the last plan that shares it (on the CPU, those of the same instruction set and
   * threads): the garbage collector does not see that memory. A run takes it again. Jobs in the pool have their own.
   */
  dispose(): void;

  /** The instruction set and thread count this plan uses; on a GPU its architecture (sm_90) and 0. */
  readonly target: string;
  readonly threads: number;
}

/** Stops the jobs that were started with it. */
export interface NativeAbortFlag {
  set(): void;
}

export interface NativeLossInfo {
  name: string;
  family: 'distribution' | 'pairwise';
  /** When a query is counted. */
  needs: string;
  /** The names of the hyper-parameters it takes. */
  parameters: string[];
  /** Whether it reads the teacher's scores; `order`: only to order documents, without relevance. */
  teacher: boolean | 'order';
}

export interface NativeCudaInfo {
  /** Whether this binary was compiled with CUDA at all. */
  built: boolean;
  available: boolean;
  /** Why it is not available, in words; '' when it is. */
  reason: string;
  /** e.g. 13000 for 13.0; 0 when unknown. */
  runtimeVersion: number;
  driverVersion: number;
  devices: { name: string; capability: string; memory: number }[];
}

/**
 * The numbers of a call on device memory, a Float64Array that a DeviceLoss is made with. The first places are those of Scalar; from `student`
 * on they are addresses, 0 for none.
 */
export const enum DeviceScalar {
  queries = 8,
  docs = 9,
  stride = 10,
  studentType = 11,
  teacherType = 12,
  gradType = 13,
  /** A NativeRankType. */
  rankType = 14,
  /** With offsets in device memory: no row is longer. */
  longest = 15,
  /** Elements of the arrays over documents. */
  elements = 16,
  stream = 17,
  /** 1: wait, and check all values as for host arrays. */
  check = 18,
  student = 19,
  teacher = 20,
  labels = 21,
  offsets = 22,
  ranks = 23,
  beta = 24,
  relevance = 25,
  weights = 26,
  grad = 27,
  perQuery = 28,
  teacherGrad = 29,
  /** weight, ratio, entropy, separation, separationTop10 */
  diagnostics = 30,
  /** Two float64: the loss, and how many queries were counted. */
  summary = 35,
  size = 36,
}

export const enum NativeRankType {
  none = 0,
  u8 = 1,
  u16 = 2,
  u32 = 3,
  i32 = 4,
  f32 = 5,
}

/** What an address is. */
export const enum NativeMemoryKind {
  unknown = 0,
  host = 1,
  device = 2,
  managed = 3,
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
  /** Settles when the stream has done what it holds now. */
  pending(stream: number): Promise<void>;
  /** Has read the array when it returns. */
  toDevice(address: number, from: ArrayBufferView, stream: number): void;
  /** Waits, and has written the array when it returns. */
  toHost(to: ArrayBufferView, address: number, stream: number): void;
  copy(to: number, from: number, bytes: number, stream: number): void;
  fill(address: number, byte: number, bytes: number, stream: number): void;
  /** Enqueued at once; has written the array when it settles. */
  download(to: ArrayBufferView, address: number, stream: number): Promise<void>;
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
  dispose(): void;
}

export interface NativeDeviceGraph {
  /** Other than ok: why there is no graph. */
  readonly status: NativeStatus;
  launch(stream: number): void;
  dispose(): void;
}

export interface NativeBinding {
  Plan: new (spec: NativePlanSpec) => NativePlan;
  AbortFlag: new () => NativeAbortFlag;
  Device: new (index: number) => NativeDevice;
  DeviceMemory: new (device: NativeDevice, bytes: number) => NativeDeviceMemory;
  DeviceStream: new (device: NativeDevice) => NativeDeviceStream;
  DeviceLoss: new (device: NativeDevice, spec: NativePlanSpec, call: Float64Array) => NativeDeviceLoss;
  /** The loss of the batch that the DeviceScalars tell of, with scratch space of its own. */
  DeviceGraph: new (loss: NativeDeviceLoss, offsets: Int32Array | null) => NativeDeviceGraph;
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
  losses(): NativeLossInfo[];
  /** The instruction sets this machine can run, best last; compiler and build facts. */
  cpu(): { targets: string[]; hardwareThreads: number; compiler: string };
  cuda(): NativeCudaInfo;
  /** CUDA's own name of an error code, and its words for it. */
  cudaError(code: number): [name: string, words: string];
}

/** The addon and where it came from. */
// Bundled, this file is part of dist/index.js (scripts/bundle.cjs); by itself it is dist/native/native.js.
const root = join(__dirname, basename(__dirname) === 'native' ? '../..' : '..');
export const loadedAddon: LoadedAddon = loadAddon(root);

export const native = loadedAddon.exports as NativeBinding;
