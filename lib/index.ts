// The public API of ckl-loss. It only re-exports.
export { type Backends, backends } from './native/backends.js';
export { AddonError, CklRangeError, CklTypeError, CudaError, type ErrorCode } from './errors.js';
export * from './loss/functions.js';
export { losses, type LossName } from './losses.js';
export type { Communicator, ReduceOperation } from './communicator.js';
export type { DocumentShard } from './loss/shard.js';
export { type GroupOptions, prepare, type PreparedLoss, type PreparedSize } from './loss/prepare.js';
export { rankBias, ranks, type RankBiasBatch, type RankBatch } from './ranks/ranks.js';
export type { Id } from './ranks/id-table.js';
export type { RankTrackerState } from './ranks/rank-state.js';
export { type RankRequest, RankTracker, type RankTrackerOptions } from './ranks/rank-tracker.js';
export type * from './types.js';
