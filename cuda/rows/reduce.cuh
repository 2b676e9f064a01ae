// The batch's loss in the same launch: each block stores its sum in double, and the last block to finish adds them in
// order of index. Nothing is added atomically, so every run gives the same bits.
#pragma once
#include "../launch/task.h"
#include "../common/platform.cuh"

namespace ckl {
namespace cuda {

// Adds a row to the batch's total; called by the thread of rank 0.
struct RowTotal {
  double loss;
  uint32_t counted;
  bool deferred;  // whether some row is left to the general path; the same on all threads of its team
};
CKL_DEVICE void add(RowTotal& to, RowTotal x) { to.loss += x.loss, to.counted += x.counted; }

CKL_DEVICE const LossScale& scale_of(const Task& task, int k) {
  return task.buffers.scales ? from_blocks(task.buffers.scales + k) : task.fixed[k];
}

// Marks a row as deferred to the general path: its loss is set to a special NaN.
constexpr uint32_t kDeferred = 0x7fc05eed;
CKL_DEVICE void defer_row(const Task& task, int64_t b) { task.out.per_query[b] = __uint_as_float(kDeferred); }
CKL_DEVICE bool is_deferred(const Task& task, int64_t b) { return __float_as_uint(task.out.per_query[b]) == kDeferred; }

CKL_DEVICE BlockTotal sum_lanes(BlockTotal x) {
#pragma unroll 1
  for (unsigned o = kWarp / 2; o > 0; o /= 2) {
    x.loss += __shfl_xor_sync(kAll, x.loss, o);
    x.counted += __shfl_xor_sync(kAll, x.counted, o);
  }
  return x;
}

// The sum over a block, valid on thread 0. `shared`: kReduceBytes bytes that nothing else uses.
CKL_DEVICE BlockTotal sum_block(BlockTotal x, BlockTotal* shared) {
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  x = sum_lanes(x);
  if (lane == 0) shared[warp] = x;
  __syncthreads();
  if (warp == 0) x = sum_lanes(lane < warps ? shared[lane] : BlockTotal{0, 0});
  __syncthreads();
  return x;
}

// Whether this block is the last of its launch to get here. If so, what the first threads of the others wrote before is
// visible.
CKL_DEVICE bool is_last_block(unsigned* ticket, void* shared) {
  unsigned* flag = static_cast<unsigned*>(shared);
  // The thread that wrote what the last block reads; the barrier extends the ticket's order to its other threads.
  if (threadIdx.x == 0) *flag = take_ticket(ticket, gridDim.x - 1) == gridDim.x - 1;
  __syncthreads();
  const bool last = *flag != 0;
  __syncthreads();
  return last;
}

// By the last block to have counted: the scale of term k from what all blocks counted.
CKL_DEVICE void write_scale(const Task& task, int k, BlockTotal* shared) {
  double sum = 0;
#pragma unroll 1
  for (unsigned j = threadIdx.x; j < gridDim.x; j += blockDim.x)
    sum += from_blocks(task.buffers.weight_sums + k * kMaxBlocks + j);
  sum = sum_block({sum, 0}, shared).loss;
  if (threadIdx.x == 0) write_for_blocks(task.buffers.scales + k, mean_scale(task, k, sum));
}

CKL_DEVICE void finish(const Task& task, RowTotal mine, char* memory) {
  BlockTotal* shared = reinterpret_cast<BlockTotal*>(memory);
  __syncthreads();
  BlockTotal x = {mine.loss, mine.counted};
#pragma unroll 1
  for (bool last = false;; last = true) {  // the block's total, then the last block's: of the launch
    x = sum_block(x, shared);
    if (last) break;
    if (threadIdx.x == 0) write_for_blocks(task.buffers.block_totals + blockIdx.x, x);
    if (!is_last_block(task.buffers.ticket, memory)) return;
    x = {0, 0};
#pragma unroll 1
    for (unsigned k = threadIdx.x; k < gridDim.x; k += blockDim.x) {
      const BlockTotal part = from_blocks(task.buffers.block_totals + k);
      x.loss += part.loss;
      x.counted += part.counted;
    }
  }
  if (threadIdx.x != 0) return;
  if (task.launch.accumulate) x.loss += task.buffers.result->loss, x.counted += int64_t(task.buffers.result->counted);
  *task.buffers.result = {x.loss, double(x.counted)};
}

}  // namespace cuda
}  // namespace ckl
