// Ranks of rows that are too long for the row kernel, by sorting: tiles of a row are sorted in shared memory, sorted
// runs are merged in pairs until one is left, and a document's place there is its rank.
#include "../launch/launch.h"
#include "ranking.cuh"

namespace ckl {
namespace cuda {

namespace {

constexpr int kThreads = 512, kMerged = kRankTile / kThreads;  // keys that a thread merges

// A score and where it stands in its row, as one number: higher scores are greater, and of equal ones the first.
CKL_DEVICE uint64_t sort_key(float score, int64_t i) {
  const uint32_t bits = __float_as_uint(score + 0.0f);  // -0 is 0
  return uint64_t(bits >> 31 ? ~bits : bits | 0x80000000u) << 32 | uint32_t(~uint32_t(i));
}
CKL_DEVICE uint32_t score_of(uint64_t key) { return uint32_t(key >> 32); }
CKL_DEVICE int64_t index_of(uint64_t key) { return int64_t(uint32_t(~uint32_t(key))); }

// The rank of the document at `place` among sorted keys. Equal scores share that of the first.
CKL_DEVICE uint32_t rank_at_place(const uint64_t* sorted, int64_t place) {
  const uint32_t score = score_of(sorted[place]);
  if (place == 0 || score_of(sorted[place - 1]) != score) return uint32_t(place + 1);
  int64_t low = 0, high = place;  // the first of them is among these
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (score_of(sorted[middle]) > score) low = middle + 1;
    else high = middle;
  }
  return uint32_t(low + 1);
}

// How many of the first `count` keys of two merged runs come from the first.
CKL_DEVICE int64_t taken_from_first(const uint64_t* a, int64_t of_a, const uint64_t* b, int64_t of_b, int64_t count) {
  int64_t low = count > of_b ? count - of_b : 0, high = count < of_a ? count : of_a;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (a[middle] > b[count - 1 - middle]) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Calls body(row, from, end) for all tiles of all rows: every row has tiles_a_row of them, of which the last may be
// empty.
template <class Body>
CKL_DEVICE void each_tile(const RankTask& task, Body body) {
  for (int64_t k = blockIdx.x; k < task.batch.rows.queries * task.tiles_a_row; k += gridDim.x) {
    const Row row = row_of(task.batch.rows, k / task.tiles_a_row);
    const int64_t from = k % task.tiles_a_row * kRankTile;
    if (from < row.n) body(row, from, row.n - from < kRankTile ? row.n : from + kRankTile);
  }
}

// Rows of one tile have their ranks then. Registers at most: 64
__global__ void __launch_bounds__(kThreads) sort_tiles(CKL_PARAMETER RankTask task) {
  uint64_t* const keys = reinterpret_cast<uint64_t*>(dynamic_shared());
  Block team(dynamic_shared() + kRankTile * sizeof(uint64_t));
  each_tile(task, [&](const Row& row, int64_t from, int64_t end) {
    for (int64_t i = threadIdx.x; i < kRankTile; i += blockDim.x)
      keys[i] = from + i < end ? sort_key(key_of(task.batch, row.begin + from + i), from + i) : 0;
    __syncthreads();
    sort_keys(team, keys, kRankTile);
    for (int64_t i = threadIdx.x; from + i < end; i += blockDim.x) {
      if (row.n <= kRankTile) task.ranks[row.begin + index_of(keys[i])] = rank_at_place(keys, i);
      else task.keys[0][row.begin + from + i] = keys[i];
    }
    __syncthreads();
  });
}

// Merges runs of task.run keys in pairs, from keys[0] to keys[1]. Rows that are one run stay where they are.
// Registers at most: 64
__global__ void __launch_bounds__(kThreads) merge_runs(CKL_PARAMETER RankTask task) {
  uint64_t* const shared = reinterpret_cast<uint64_t*>(dynamic_shared());
  int64_t* const split = reinterpret_cast<int64_t*>(shared + kRankTile);
  each_tile(task, [&](const Row& row, int64_t from, int64_t end) {
    if (row.n <= task.run) return;
    const uint64_t* const keys = task.keys[0] + row.begin;
    const int64_t base = from / (2 * task.run) * (2 * task.run), left = row.n - base;
    const uint64_t *const a = keys + base, *const b = a + task.run;
    const int64_t of_a = left < task.run ? left : task.run;
    const int64_t of_b = left - of_a < task.run ? left - of_a : task.run;
    if (threadIdx.x < 2) split[threadIdx.x] = taken_from_first(a, of_a, b, of_b, (threadIdx.x ? end : from) - base);
    __syncthreads();
    // What the tile takes of both runs lies one behind the other.
    const int64_t first = split[0], here = split[1] - first, n = end - from, other = from - base - first;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) shared[i] = i < here ? a[first + i] : b[other + (i - here)];
    __syncthreads();
    const int64_t at = int64_t(threadIdx.x) * kMerged;
    if (at < n) {
      const uint64_t* const second = shared + here;
      int64_t i = taken_from_first(shared, here, second, n - here, at), j = at - i;
      for (int64_t k = at; k < at + kMerged && k < n; k++) {
        const bool takes_first = j >= n - here || (i < here && shared[i] > second[j]);
        task.keys[1][row.begin + from + k] = takes_first ? shared[i++] : second[j++];
      }
    }
    __syncthreads();
  });
}

// From sorted rows to ranks. A row has been merged until it was one run, the last time into keys[1], or keys[0].
// Registers at most: 64
__global__ void __launch_bounds__(kThreads) write_ranks(CKL_PARAMETER RankTask task) {
  each_tile(task, [&](const Row& row, int64_t from, int64_t end) {
    if (row.n <= kRankTile) return;
    int which = 0;
    for (int64_t run = kRankTile; run < row.n; run *= 2) which ^= 1;
    const uint64_t* const sorted = task.keys[which] + row.begin;
    for (int64_t i = from + threadIdx.x; i < end; i += blockDim.x)
      task.ranks[row.begin + index_of(sorted[i])] = rank_at_place(sorted, i);
  });
}

}  // namespace

cudaError_t launch_ranks(RankTask task, cudaStream_t stream) {
  const int64_t tiles = task.batch.rows.queries * task.tiles_a_row;
  const unsigned blocks = unsigned(tiles < kMaxBlocks ? tiles : kMaxBlocks);
  const int keys = kRankTile * int(sizeof(uint64_t));
  cudaError_t error = launch(sort_tiles, {blocks, kThreads, 1, keys + kTeamBytes}, task, stream);
  if (task.tiles_a_row == 1) return error;
  uint64_t* const given[2] = {task.keys[0], task.keys[1]};
  for (task.run = kRankTile; task.run < task.tiles_a_row * kRankTile && error == cudaSuccess; task.run *= 2) {
    error = launch(merge_runs, {blocks, kThreads, 1, keys + 2 * int(sizeof(int64_t))}, task, stream);
    uint64_t* const merged = task.keys[1];
    task.keys[1] = task.keys[0], task.keys[0] = merged;
  }
  task.keys[0] = given[0], task.keys[1] = given[1];
  return error != cudaSuccess ? error : launch(write_ranks, {blocks, kThreads, 1, 0}, task, stream);
}

}  // namespace cuda
}  // namespace ckl
