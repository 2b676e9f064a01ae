// The fast kernel for rows that do not fit into the registers of a block or cluster, but into its shared memory: they
// are read once from global memory, and gone over three times. The first sweep finds the sums of the softmax, the
// second those of the loss; the third writes the gradient.
//
// A warp goes over its stretches one after another, as if each were a row of its own whose other stretches were
// processed before (compare fast_grid.cuh). Sums of the warps are added between sweeps.
#pragma once
#include "deferred_rows.cuh"
#include "fast_row.cuh"
#include "fast_team.cuh"
#include "staged_row.cuh"
#include "../common/row_team.cuh"

namespace ckl {
namespace cuda {

constexpr int kSharedElements = kSharedStretch / int(kWarp);

CKL_DEVICE void lower(const Task& task, bool teacher, float down, float& below, float& tops) {
  if (down == 0) return;
  below = lowered(task, teacher, down, below, tops);
  tops = 0;
}

// The team of a stretch: a warp. In the sweep that makes a sum, it adds the stretch's to the warp's; later, it gives
// the row's instead.
struct Stretch {
  static constexpr bool kLanes = false, kParks = false, kStages = false;
  const Task& task;
  ChunkSums& sums;  // in shared memory: the warp's, then the row's
  Sweep sweep;
  int number;    // of the stretch in the row
  float top[2];  // of the stretch

  CKL_DEVICE_MEMBER Stretch(const Task& of, ChunkSums& of_warp, Sweep of_sweep, int number_in_row)
      : task(of), sums(of_warp), sweep(of_sweep), number(number_in_row), top{0, 0} {}
  CKL_DEVICE_MEMBER bool stops_after(Sweep made) const { return sweep == made; }
  CKL_DEVICE_MEMBER unsigned rank() const { return unsigned(number) * kWarp + lane_id(); }
  CKL_DEVICE_MEMBER unsigned size() const { return kWarp; }
  CKL_DEVICE_MEMBER void sync() const { __syncwarp(); }

  template <int K>
  CKL_DEVICE_MEMBER void add_to(float (&x)[K], Sweep made, float (&all)[K]) {
    if (sweep == made) {
      reduce_lanes(x, kWarp, Add());
      if (lane_id() == 0)
#pragma unroll
        for (int k = 0; k < K; k++) all[k] += x[k];
    } else {
#pragma unroll
      for (int k = 0; k < K; k++) x[k] = all[k];
    }
  }
  CKL_DEVICE_MEMBER void reduce(float (&x)[2], Max) {
    if (sweep == Sweep::softmax) reduce_lanes(x, kWarp, Max());
    else x[0] = sums.max[0], x[1] = sums.max[1];
    top[0] = x[0], top[1] = x[1];
  }
  CKL_DEVICE_MEMBER void reduce(float (&x)[2], Add) { add_to(x, Sweep::softmax, sums.ranks); }
  CKL_DEVICE_MEMBER void reduce(float (&x)[3], Add) { add_to(x, Sweep::loss, sums.sums); }
  CKL_DEVICE_MEMBER void softmax_sums(SoftmaxSums& x, uint32_t counts) {
    if (sweep != Sweep::softmax) {
      x = sums.softmax_sums;
      return;
    }
    reduce_softmax_sums(x, counts, kWarp);
    __syncwarp();
    if (lane_id() != 0) return;
    SoftmaxSums& all = sums.softmax_sums;
#pragma unroll
    for (int k = 0; k < 2; k++) {
      const float highest = fmaxf(sums.max[k], top[k]);
      lower(task, k == 1, highest - sums.max[k], all.below[k], all.tops[k]);
      lower(task, k == 1, highest - top[k], x.below[k], x.tops[k]);
      sums.max[k] = highest;
      all.below[k] += x.below[k], all.tops[k] += x.tops[k];
    }
    all.positives += x.positives;
  }
};

// From the warps' sums to the row's.
CKL_DEVICE void combine_softmax(const Task& task, RowTeam& team, ChunkSums& of_warp) {
  __syncwarp();
  ChunkSums mine = of_warp;
  float highest[2] = {mine.max[0], mine.max[1]};
  team.reduce_warps(highest, Max());
  SoftmaxSums& x = mine.softmax_sums;
#pragma unroll
  for (int k = 0; k < 2; k++) lower(task, k == 1, highest[k] - mine.max[k], x.below[k], x.tops[k]);
  float all[5] = {x.below[0], x.below[1], x.tops[0], x.tops[1], x.positives};
  team.reduce_warps(all, Add());
  team.reduce_warps(mine.ranks, Add());
  if (lane_id() == 0)
    of_warp = {{highest[0], highest[1]},
               {{all[0], all[1]}, {all[2], all[3]}, all[4]},
               {mine.ranks[0], mine.ranks[1]},
               {0, 0, 0}};
  __syncwarp();
}
CKL_DEVICE void combine_loss(RowTeam& team, ChunkSums& of_warp) {
  __syncwarp();
  float all[3] = {of_warp.sums[0], of_warp.sums[1], of_warp.sums[2]};
  team.reduce_warps(all, Add());
  if (lane_id() == 0) of_warp.sums[0] = all[0], of_warp.sums[1] = all[1], of_warp.sums[2] = all[2];
  __syncwarp();
}

// Registers at most: 128; spills at most: 1024 bytes
template <class F, int P>
__global__ void __launch_bounds__(kTeamThreads) fast_shared(CKL_PARAMETER Task task) {
#if CKL_CLUSTERS
  typedef FastRow<F, kSharedElements, P, Stretch> RowType;
  typedef Stage<F::biased, kSharedElements, P, Stretch> StageType;
  char* const memory = dynamic_shared();
  RowTeam team(memory);
  wait_for_earlier_launch();
  if (task.launch.counts) count_in_launch<false>(task);
  const int warp = int(threadIdx.x / kWarp), warps = int(blockDim.x / kWarp), stretches = task.launch.stretches;
  RowTotal& total = *reinterpret_cast<RowTotal*>(memory + kTeamBytes);  // as in fast_team
  ChunkSums& sums = reinterpret_cast<ChunkSums*>(memory + kTeamBytes + kReduceBytes)[warp];
  char* const staged = memory + kTeamBytes + kReduceBytes + kSharedSumsBytes;
  float* const biases = reinterpret_cast<float*>(staged + warps * stretches * task.launch.stage.bytes);
  // Stretches are dealt out to blocks and warps in turn.
  const auto number = [&](int s) { return (s * warps + warp) * int(team.blocks()) + int(team.block()); };
  const auto stage = [&](int s) {
    return StageType(task, staged + (s * warps + warp) * task.launch.stage.bytes, number(s) * kSharedStretch);
  };
  if (threadIdx.x == 0) total = {};
  const unsigned step = unsigned(team.count());
  unsigned b = next_row(task, unsigned(team.index()), step);
#pragma unroll 1
  for (int s = 0; s < stretches; s++) stage(s).begin(b);
  while (b < task.batch.rows.queries) {
    const unsigned next = next_row(task, b + step, step);
    const Row row = row_of(task.batch.rows, b);
    __syncwarp();  // all lanes have read the sums of the row before
    if (lane_id() == 0) sums = {{Max::neutral(), Max::neutral()}, {{0, 0}, {0, 0}, 0}, {0, 0}, {0, 0, 0}};
    __syncwarp();
#pragma unroll 1
    for (int k = 0; k < 3; k++) {
      const Sweep sweep = k == 0 ? Sweep::softmax : k == 1 ? Sweep::loss : Sweep::gradient;
#pragma unroll 1
      for (int s = 0; s < stretches; s++) {
        StageType of = stage(s);
        const unsigned follower = sweep == Sweep::gradient ? next : ~0u;
        if (sweep == Sweep::softmax) of.arrive(row);
        if (of.docs(row) == 0) {
          of.begin(follower);
          continue;
        }
        RowType x(task, Stretch(task, sums, sweep, number(s)), row, biases, nullptr);
        of.read(x, follower, ~0u);
        x.compute(true, total);
      }
      if (sweep == Sweep::softmax) combine_softmax(task, team, sums);
      else if (sweep == Sweep::loss) combine_loss(team, sums);
    }
    b = next;
  }
  __syncthreads();
  RowTotal mine = threadIdx.x == 0 ? total : RowTotal{};
  if (total.deferred) add(mine, deferred_rows<F>(task, team));
  finish(task, mine, memory + kTeamBytes);
#endif
}

}  // namespace cuda
}  // namespace ckl
