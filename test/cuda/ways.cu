// One row of ckl with gamma 5 on each of its ways through a fast kernel, for counting instructions (budget.mjs): full, short of its
// team's room, read document by document; of float32 and of bfloat16. No padding, rows of one length, and documents that are neither positive nor at
// the top. What a way is not ends the thread, so that a kernel is its way from start to end, tests included.
static __device__ __forceinline__ void exit_if(bool condition) {
  if (condition) {
    asm volatile("exit;");
    __builtin_unreachable();
  }
}
template <class T>
static __device__ __forceinline__ T known(T is, T must_be) {
  exit_if(is != must_be);
  return must_be;
}
#define CKL_RAGGED(condition) known<bool>(condition, false)
#define CKL_FOLLOWED(condition) known<bool>(condition, true)
#define CKL_TWO(condition) known<bool>(condition, true)
#define CKL_RARE(condition) known<bool>(condition, false)
#define CKL_TYPE(type) known(type, P == 4 ? DType::float32 : DType::bfloat16)
#define CKL_WHOLE(condition) known<bool>(condition, Team::kWhole)
#define CKL_GROUP(group) known<unsigned>(group, Team::kGroup)
#define CKL_PAIRS(condition) known<bool>(condition, Team::kPairs)
#define CKL_FULL(condition) known<bool>(condition, Team::kFull)
#define CKL_MASKED(condition, word) known<bool>(condition, word >= Team::kMaskedFrom)
#include "../../cuda/rows/fast_grid.cuh"
#include "../../cuda/rows/fast_kernels.cuh"
#include "../../cuda/rows/fast_team.cuh"

namespace ckl {
namespace cuda {

// Way: 0 full, 1 whole vectors but short, 2 document by document and short, 3 in pairs and short. Masked: the words of labels from here on, of which some
// are not there.
template <int Way, int Masked>
struct KnownWay {
  static constexpr bool kWhole = Way < 2, kPairs = Way != 2, kFull = Way == 0;
  static constexpr int kMaskedFrom = Way == 0 ? 99 : Masked;
};

template <int W, int Way, int Masked>
struct KnownLanes : Lanes, KnownWay<Way, Masked> {
  static constexpr unsigned kGroup = W < 8 ? (W < 2 ? 1 : 2) : 8;
  CKL_DEVICE_MEMBER KnownLanes() : Lanes{W} {}
};

// A block of W warps.
template <int W, int Way, int Masked>
struct KnownTeam : RowTeamOf<W>, KnownWay<Way, Masked> {
  CKL_DEVICE_MEMBER KnownTeam() : RowTeamOf<W>(dynamic_shared()) {}
};

template <class Team, int E, int P>
CKL_DEVICE void one_row(const Task& task) {
  Team team;
  const Row row = row_of(task.batch.rows, team.index());
  FastRow<CklVariant<kGammaReal, false>, E, P, Team> x(task, team, row, nullptr, nullptr);
  RowTotal total = {};
  x.run(in_class(task, row), total);
  task.buffers.block_totals[threadIdx.x] = {total.loss, total.counted};
}

// E elements per thread, P per load, W threads per row.
template <int E, int P, int W, int Way, int Masked>
__global__ void __launch_bounds__(kLanesThreads, blocks_of(E)) lanes_way(CKL_PARAMETER Task task) {
  one_row<KnownLanes<W, Way, Masked>, E, P>(task);
}
// A row of a block of W warps, of which the next is copied meanwhile.
template <int P, int W, int Way, int Masked>
__global__ void __launch_bounds__(kTeamThreads) team_way(CKL_PARAMETER Task task) {
  typedef KnownTeam<W, Way, Masked> Team;
  Team team;
  char* const staged = dynamic_shared() + kTeamBytes + kReduceBytes;
  Stage<false, kTeamElements, P, Team> stage(task, staged + threadIdx.x / kWarp * task.launch.stage.bytes,
                                             int(team.stretch()) * kStretch);
  const Row row = row_of(task.batch.rows, team.index());
  FastRow<CklVariant<kGammaReal, false>, kTeamElements, P, Team> x(task, team, row, nullptr, nullptr);
  RowTotal total = {};
  stage.arrive(row);
  const unsigned step = unsigned(team.count()), next = next_row(task, unsigned(row.b) + step, step);
  stage.read(x, next, next_row(task, next + step, step));
  x.compute(true, total);
  task.buffers.block_totals[threadIdx.x] = {total.loss, total.counted};
}

// A chunk of a row that the whole grid shares, in one of its sweeps.
template <int S>
struct OnlySweep {
  static CKL_DEVICE_MEMBER Sweep of(const Task& task) { return known(task.launch.sweep, Sweep(S)); }
};
template <int E, int S>
struct KnownGrid : Grid<E, OnlySweep<S>>, KnownWay<0, 0> {
  static constexpr unsigned kGroup = 1;
  using Grid<E, OnlySweep<S>>::Grid;
};
template <int P, int S>
__global__ void __launch_bounds__(kGridThreads, 2) grid_way(CKL_PARAMETER Task task) {
  typedef CklVariant<kGammaReal, false> F;
  typedef KnownGrid<kGridElements<F>, S> Team;
  Team team(task, dynamic_shared());
  const Row row = row_of(task.batch.rows, blockIdx.y);
  team.take(row, int(blockIdx.x));
  FastRow<F, kGridElements<F>, P, Team> x(task, team, row, nullptr, nullptr);
  RowTotal total = {};
  x.run(true, total);
  task.buffers.block_totals[threadIdx.x] = {total.loss, total.counted};
}

// The rows of budget.mjs: N = 16, 32, 50, 64, 256, 1000, 1001, 1024; 4096, 5000.
#define WAYS(P)                                                                    \
  template __global__ void lanes_way<16, P, 1, 0, 0>(CKL_PARAMETER Task);          \
  template __global__ void lanes_way<16, P, 2, 0, 0>(CKL_PARAMETER Task);          \
  template __global__ void lanes_way<32, P, 2, 3, 6>(CKL_PARAMETER Task);          \
  template __global__ void lanes_way<32, P, 2, 0, 0>(CKL_PARAMETER Task);          \
  template __global__ void lanes_way<32, P, 8, 0, 0>(CKL_PARAMETER Task);          \
  template __global__ void lanes_way<32, P, 32, 1, 8 - P / 4>(CKL_PARAMETER Task); \
  template __global__ void lanes_way<32, P, 32, 2, 8 - P / 4>(CKL_PARAMETER Task); \
  template __global__ void lanes_way<32, P, 32, 0, 0>(CKL_PARAMETER Task);         \
  template __global__ void team_way<P, 4, 0, 0>(CKL_PARAMETER Task);               \
  template __global__ void team_way<P, 5, 0, 0>(CKL_PARAMETER Task);               \
  template __global__ void team_way<P, 5, 1, P == 4 ? 7 : 6>(CKL_PARAMETER Task);  \
  template __global__ void team_way<P, 8, 0, 0>(CKL_PARAMETER Task);               \
  template __global__ void team_way<P, 16, 0, 0>(CKL_PARAMETER Task);              \
  template __global__ void grid_way<P, 0>(CKL_PARAMETER Task);                     \
  template __global__ void grid_way<P, 1>(CKL_PARAMETER Task);                     \
  template __global__ void grid_way<P, 2>(CKL_PARAMETER Task);
WAYS(4)
WAYS(8)

}  // namespace cuda
}  // namespace ckl
