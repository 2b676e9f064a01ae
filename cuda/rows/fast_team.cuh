// The fast kernel for rows of more than 1,024 documents: a block or a cluster of blocks per row, which has its next row
// copied while it computes.
#pragma once
#include "deferred_rows.cuh"
#include "fast_row.cuh"
#include "label_counts.cuh"
#include "staged_row.cuh"
#include "../common/row_team.cuh"

namespace ckl {
namespace cuda {

constexpr int kTeamElements = kStretch / int(kWarp);

// The first row from b on, in steps of `step`, that belongs to this launch, or any number beyond the last.
CKL_DEVICE unsigned next_row(const Task& task, unsigned b, unsigned step) {
  if (CKL_RAGGED(task.batch.rows.offsets != nullptr))
    while (b < task.batch.rows.queries && !in_class(task, row_of(task.batch.rows, b))) b += step;
  return b;
}

template <class F, int P>
CKL_DEVICE void rows_of_teams(const Task& task) {
  need_all_kernels();
  typedef FastRow<F, kTeamElements, P, RowTeam> RowType;
  char* const memory = dynamic_shared();
  char* const staged = memory + kTeamBytes + kReduceBytes;
  RowTeam team(memory);
  wait_for_earlier_launch();
  if (task.launch.counts) count_in_launch<false>(task);
  Stage<F::biased, kTeamElements, P, RowTeam> stage(task, staged + threadIdx.x / kWarp * task.launch.stage.bytes,
                                                    int(team.stretch()) * kStretch);
  // In shared memory, which saves registers: the first thread adds, and all set the same flag.
  RowTotal& total = *reinterpret_cast<RowTotal*>(memory + kTeamBytes);
  if (threadIdx.x == 0) total = {};
  const unsigned step = unsigned(team.count());
  unsigned b = next_row(task, unsigned(team.index()), step), next = next_row(task, b + step, step);
  stage.begin(b, next);
  while (b < task.batch.rows.queries) {
    const unsigned after = next_row(task, next + step, step);
    RowType x(task, team, row_of(task.batch.rows, b),
              reinterpret_cast<float*>(staged + blockDim.x / kWarp * task.launch.stage.bytes), nullptr);
    x.gap.at = reinterpret_cast<float*>(stage.memory) + lane_id() * 4;
    x.us.at = x.gap.at + kStretch;
    stage.arrive(x.row);
    stage.read(x, next, after);
    x.compute(true, total);
    team = x.team;
    b = next, next = after;
  }
  __syncthreads();
  RowTotal mine = threadIdx.x == 0 ? total : RowTotal{};
  if (total.deferred) add(mine, deferred_rows<F>(task, team));
  finish(task, mine, memory + kTeamBytes);
}

// Losses that read ln q or ranks spill, most of all with a bias from ranks.
// Registers at most: 128; spills at most: 1024 bytes
template <class F, int P>
__global__ void __launch_bounds__(kTeamThreads) fast_team(CKL_PARAMETER Task task) {
  if constexpr (CKL_ALL_KERNELS && P > 0) rows_of_teams<F, P>(task);
}

}  // namespace cuda
}  // namespace ckl
