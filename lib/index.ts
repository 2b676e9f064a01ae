// The public API of ckl-loss; composes, and holds nothing itself.
export { type Backends, backends } from './backends.js';
export { AddonError, CklRangeError, CklTypeError, CudaError, type ErrorCode } from './errors.js';
export * from './losses.js';
export { prepare, type PreparedLoss, type PreparedSize } from './prepare.js';
export { rankBias, ranks, type RankBiasBatch, type RankBatch } from './ranks.js';
export type { Id } from './id-table.js';
export type { RankTrackerState } from './rank-state.js';
export { type RankRequest, RankTracker, type RankTrackerOptions } from './rank-tracker.js';
export type * from './types.js';
