// The general row kernels: one warp per row, or one block or cluster of blocks per row.
#pragma once
#include "general_row.cuh"
#include "../ranks/ranking.cuh"

namespace ckl {
namespace cuda {

// One warp per row, for rows of up to 1024.
// Registers at most: 168
static __global__ void __launch_bounds__(kLanesThreads, 3) general_lanes(CKL_PARAMETER Task task) {
  char* memory = dynamic_shared();
  Lanes team{kWarp};
  wait_for_earlier_launch();
  const unsigned warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  float* const tile = reinterpret_cast<float*>(memory + kReduceBytes) + warp * 3 * kWarp;
  float* const ranked =
      reinterpret_cast<float*>(memory + kReduceBytes) + warps * 3 * kWarp + warp * 2 * kRankedInKernel;
  RowTotal total = {};
  for (int64_t b = team.index(); b < task.batch.rows.queries; b += team.count()) {
    const Row row = row_of(task.batch.rows, b);
    if (!in_class(task, row) || (task.launch.deferred_only && !is_deferred(task, b))) continue;
    if (task.fresh_ranks) rank_row(team, task.batch, row, capacity_for(row), ranked + kRankedInKernel, ranked);
    add(total, general_row(task, team, row, task.fresh_ranks ? ranked : nullptr, tile));
    __syncwarp();
  }
  finish(task, total, memory);
}

// The calls that compute gradients need about 20 registers more than 512 threads can have; these are spilled once per
// document. Registers at most: 128; spills at most: 128 bytes
static __global__ void __launch_bounds__(kTeamThreads, 1) general_team(CKL_PARAMETER Task task) {
  char* memory = dynamic_shared();
  float* const tile = reinterpret_cast<float*>(memory + kTeamBytes + kReduceBytes);
  Cluster team(memory);
  wait_for_earlier_launch();
  RowTotal total = {};
  for (int64_t b = team.index(); b < task.batch.rows.queries; b += team.count()) {
    const Row row = row_of(task.batch.rows, b);
    if (!in_class(task, row) || (task.launch.deferred_only && !is_deferred(task, b))) continue;
    add(total, general_row(task, team, row, nullptr, tile));
    team.sync();
  }
  team.sync();
  finish(task, total, memory + kTeamBytes);
}

}  // namespace cuda
}  // namespace ckl
