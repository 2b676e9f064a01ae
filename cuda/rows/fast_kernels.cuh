// The fast kernel for rows of up to 1,024 documents: several rows per block.
#pragma once
#include "deferred_rows.cuh"
#include "fast_row.cuh"
#include "label_counts.cuh"

namespace ckl {
namespace cuda {

// The number of blocks that a multiprocessor must hold at once, which limits the registers per thread. Two-byte scores
// and ranks that are read one by one take a register each until all have arrived.
constexpr int blocks_of(int elements, bool biased_halves = false) { return elements > 16 ? 2 : biased_halves ? 3 : 4; }

// One row per `width` lanes of a warp.
template <class F, int E, int P>
CKL_DEVICE void rows_of_lanes(const Task& task) {
  if constexpr (E > kFewElements) need_all_kernels();
  typedef FastRow<F, E, P, Lanes> RowType;
  char* memory = dynamic_shared();
  Lanes team{task.launch.width};
  wait_for_earlier_launch();
  if (task.launch.counts) count_in_launch<true>(task);
  const unsigned lane = threadIdx.x % kWarp, width = team.width, capacity = width * E;
  float* const biases = reinterpret_cast<float*>(memory + kReduceBytes);
  float* const keys = biases + kLanesThreads * E + threadIdx.x / width * capacity;
  RowTotal total = {};
  const unsigned step = team.count();
  for (unsigned base = team.index() - lane / width; base < task.batch.rows.queries; base += step) {
    const unsigned b = base + lane / width;
    Row row = {0, 0, 0};
    bool here = b < task.batch.rows.queries;
    if (here) row = row_of(task.batch.rows, b), here = in_class(task, row);
    if (!here) row.n = 0;
    RowType x(task, team, row, biases, keys);
    x.run(here, total);
    __syncwarp();
  }
  if (__syncthreads_or(total.deferred)) {  // from here on, no warp needs what it kept of its rows
    const unsigned of_warp = threadIdx.x / kWarp * kWarp * E;
    add(total, deferred_rows<F>(task, biases + of_warp, biases + kLanesThreads * E + of_warp));
  }
  finish(task, total, memory);
}

// Registers at most: 168 (16 elements per thread), 255 (32); spills at most: 288 bytes
template <class F, int E, int P>
__global__ void __launch_bounds__(kLanesThreads, blocks_of(E, (P == 8) && F::biased))
    fast_lanes(CKL_PARAMETER Task task) {
  if constexpr (CKL_ALL_KERNELS || E <= kFewElements) rows_of_lanes<F, E, P>(task);
}

}  // namespace cuda
}  // namespace ckl
