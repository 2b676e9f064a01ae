// Ranks of rows that are too long for the row kernel: tiles are sorted first, then every document looks up its place in
// each.
#include "../launch/launch.h"
#include "ranking.cuh"

namespace ckl {
namespace cuda {

namespace {

constexpr int kThreads = 512;

// Sorts the tiles of all rows: every row has tiles_a_row of them, of which the last may be empty. Registers at most: 48
__global__ void __launch_bounds__(kThreads) sort_tiles(CKL_PARAMETER RankTask task) {
  float* const keys = reinterpret_cast<float*>(dynamic_shared());
  Block team(dynamic_shared() + kRankTile * sizeof(float));
  for (int64_t k = blockIdx.x; k < task.batch.rows.queries * task.tiles_a_row; k += gridDim.x) {
    const Row row = row_of(task.batch.rows, k / task.tiles_a_row);
    const int64_t from = k % task.tiles_a_row * kRankTile;
    for (int64_t i = threadIdx.x; i < kRankTile; i += blockDim.x)
      keys[i] = from + i < row.n ? key_of(task.batch, row.begin + from + i) : -infinity();
    __syncthreads();
    sort_keys(team, keys, kRankTile);
    for (int64_t i = threadIdx.x; i < kRankTile && from + i < row.n; i += blockDim.x)
      task.sorted[row.begin + from + i] = keys[i];
    __syncthreads();
  }
}

// Registers at most: 64
__global__ void __launch_bounds__(kThreads) look_up_ranks(CKL_PARAMETER RankTask task) {
  for (int64_t k = blockIdx.x; k < task.batch.rows.queries * task.tiles_a_row; k += gridDim.x) {
    const Row row = row_of(task.batch.rows, k / task.tiles_a_row);
    const int64_t from = k % task.tiles_a_row * kRankTile;
    for (int64_t i = from + threadIdx.x; i < from + kRankTile && i < row.n; i += blockDim.x) {
      const float x = key_of(task.batch, row.begin + i);
      uint32_t rank = 1;
      for (int64_t tile = 0; tile < row.n; tile += kRankTile) {
        const int64_t left = row.n - tile;
        rank += count_above(task.sorted + row.begin + tile, left < kRankTile ? unsigned(left) : kRankTile, x);
      }
      task.ranks[row.begin + i] = rank;
    }
  }
}

}  // namespace

cudaError_t launch_ranks(const RankTask& task, cudaStream_t stream) {
  const int64_t tiles = task.batch.rows.queries * task.tiles_a_row;
  const unsigned blocks = unsigned(tiles < kMaxBlocks ? tiles : kMaxBlocks);
  const Shape shape = {blocks, kThreads, 1, kRankTile * int(sizeof(float)) + kTeamBytes};
  const cudaError_t error = launch(sort_tiles, shape, task, stream);
  return error != cudaSuccess ? error : launch(look_up_ranks, {blocks, kThreads, 1, 0}, task, stream);
}

}  // namespace cuda
}  // namespace ckl
