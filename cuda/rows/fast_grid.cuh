// A row that is too long for a cluster, processed by the whole grid: blocks take chunks of it, in three sweeps. The
// first leaves each chunk's softmax sums in scratch memory, the second its share of the loss; the third writes the
// gradient.
//
// A chunk is processed like a row of a team whose other members ran earlier: instead of reducing across threads, a
// sweep adds up, in order, what all chunks stored in the sweep before. The chunks of a row do not depend on the batch.
#pragma once
#include "fast_row.cuh"

namespace ckl {
namespace cuda {

struct Grid {
  static constexpr bool kLanes = false, kParks = false;
  const Task& task;
  Block block;
  ChunkSums* chunks;  // of the row
  int count, mine;
  float max[2];

  CKL_DEVICE_MEMBER Grid(const Task& of, char* shared)
      : task(of), block(shared), chunks(nullptr), count(0), mine(0), max{0, 0} {}
  // Rows of this class have more than 512 documents, so their chunks do not overlap in scratch memory.
  CKL_DEVICE_MEMBER void take(const Row& row, int chunk) {
    chunks = task.buffers.chunks + row.begin / (kChunk / 4);
    count = int((row.n + kChunk - 1) / kChunk);
    mine = chunk;
  }
  CKL_DEVICE_MEMBER bool stops_after(Sweep sweep) const { return task.launch.sweep == sweep; }
  CKL_DEVICE_MEMBER unsigned rank() const { return unsigned(mine) * blockDim.x + threadIdx.x; }
  CKL_DEVICE_MEMBER int origin(int vectors, int) const { return mine * vectors * int(blockDim.x) + int(threadIdx.x); }
  CKL_DEVICE_MEMBER int stride(int) const { return int(blockDim.x); }
  CKL_DEVICE_MEMBER int end(int elements) const { return (mine + 1) * int(blockDim.x) * elements; }

  // Reduces x over the row: from all chunks if an earlier sweep has stored them; otherwise stores this chunk's.
  template <int K, class Op>
  CKL_DEVICE_MEMBER void over_row(float (&x)[K], Op op, Sweep made, float (ChunkSums::*field)[K]) {
    if (task.launch.sweep > made) {
#pragma unroll
      for (int k = 0; k < K; k++) x[k] = op.neutral();
      for (int c = int(threadIdx.x); c < count; c += int(blockDim.x))
#pragma unroll
        for (int k = 0; k < K; k++) x[k] = op(x[k], (chunks[c].*field)[k]);
    }
    block.reduce(x, op);
    if (task.launch.sweep == made && threadIdx.x == 0) {
#pragma unroll
      for (int k = 0; k < K; k++) (chunks[mine].*field)[k] = x[k];
    }
  }
  CKL_DEVICE_MEMBER void reduce(float (&x)[2], Max) {
    over_row(x, Max(), Sweep::softmax, &ChunkSums::max);
    max[0] = x[0];
    max[1] = x[1];
  }
  CKL_DEVICE_MEMBER void reduce(float (&x)[2], Add) { over_row(x, Add(), Sweep::softmax, &ChunkSums::ranks); }
  CKL_DEVICE_MEMBER void reduce(float (&x)[3], Add) { over_row(x, Add(), Sweep::loss, &ChunkSums::sums); }

  // A chunk's sums are relative to its own top; that of the row may be higher.
  CKL_DEVICE_MEMBER void softmax_sums(SoftmaxSums& x, uint32_t counts) {
    float all[5] = {0, 0, 0, 0, 0};
    if (task.launch.sweep == Sweep::softmax) {
      reduce_softmax_sums(x, counts, kWarp);
      all[0] = x.below[0];
      all[1] = x.below[1];
      all[2] = x.tops[0];
      all[3] = x.tops[1];
      all[4] = x.positives;
      block.across(all, Add());
      if (threadIdx.x == 0) chunks[mine].softmax_sums = {{all[0], all[1]}, {all[2], all[3]}, all[4]};
    } else {
      for (int c = int(threadIdx.x); c < count; c += int(blockDim.x)) {
        const ChunkSums& of = chunks[c];
        all[4] += of.softmax_sums.positives;
#pragma unroll
        for (int k = 0; k < 2; k++) {
          const float down = max[k] - of.max[k], below = of.softmax_sums.below[k], tops = of.softmax_sums.tops[k];
          if (down == 0) all[k] += below, all[2 + k] += tops;
          else all[k] += lowered(task, k == 1, down, below, tops);
        }
      }
      block.reduce(all, Add());
    }
    x = {{all[0], all[1]}, {all[2], all[3]}, all[4]};
  }
};

// Registers at most: 128
template <class F, int P>
__global__ void __launch_bounds__(kGridThreads, 2) fast_grid(CKL_PARAMETER Task task) {
  typedef FastRow<F, kChunk / kGridThreads, P, Grid> RowType;
  char* memory = dynamic_shared();
  float* const biases = reinterpret_cast<float*>(memory + kTeamBytes + kReduceBytes);
  RowTotal total = {};
  Grid team(task, memory);
  wait_for_earlier_launch();
  const int64_t chunks_a_row = (task.launch.longest_here + kChunk - 1) / kChunk;
  const int64_t chunks = (task.launch.end - task.launch.from) * chunks_a_row;
  for (int64_t k = blockIdx.x; k < chunks; k += gridDim.x) {
    const Row row = row_of(task.batch.rows, task.launch.from + k / chunks_a_row);
    const int64_t chunk = k % chunks_a_row;
    if (!in_class(task, row) || chunk * kChunk >= row.n) continue;
    team.take(row, int(chunk));
    RowType x(task, team, row, biases, nullptr);
    x.run(true, total);
    team.block = x.team.block;
  }
  if (task.launch.sweep == Sweep::gradient) finish(task, total, memory + kTeamBytes);
}

}  // namespace cuda
}  // namespace ckl
