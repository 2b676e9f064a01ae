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

// The sweep of a launch. test/cuda/ways.cu counts the instructions of each.
struct AnySweep {
  static CKL_DEVICE_MEMBER Sweep of(const Task& task) { return task.launch.sweep; }
};

// E: documents per thread of a chunk.
template <int E, class Which = AnySweep>
struct Grid {
  static constexpr bool kLanes = false, kParks = false;
  const Task& task;
  Block block;
  ChunkSums* chunks;  // of the row
  int count, mine;
  float max[2];

  CKL_DEVICE_MEMBER Grid(const Task& of, char* shared)
      : task(of), block(shared), chunks(nullptr), count(0), mine(0), max{0, 0} {}
  CKL_DEVICE_MEMBER void take(const Row& row, int chunk) {
    chunks = task.buffers.chunks + row.begin / kLeastOfGrid;
    count = (int(row.n) + E * kGridThreads - 1) / (E * kGridThreads);
    mine = chunk;
  }
  CKL_DEVICE_MEMBER Sweep sweep() const { return Which::of(task); }
  CKL_DEVICE_MEMBER bool stops_after(Sweep made) const { return sweep() == made; }
  CKL_DEVICE_MEMBER unsigned rank() const { return unsigned(mine) * kGridThreads + threadIdx.x; }
  CKL_DEVICE_MEMBER int origin(int vectors, int) const { return mine * vectors * kGridThreads + int(threadIdx.x); }
  CKL_DEVICE_MEMBER int stride(int) const { return kGridThreads; }
  CKL_DEVICE_MEMBER int end(int elements) const { return (mine + 1) * kGridThreads * elements; }

  // Reduces x over the row: from all chunks if an earlier sweep has stored them; otherwise stores this chunk's.
  template <int K, class Op>
  CKL_DEVICE_MEMBER void over_row(float (&x)[K], Op op, Sweep made, float (ChunkSums::*field)[K]) {
    if (sweep() > made) {
#pragma unroll
      for (int k = 0; k < K; k++) x[k] = op.neutral();
#pragma unroll 1
      for (int c = int(threadIdx.x); c < count; c += kGridThreads)
#pragma unroll
        for (int k = 0; k < K; k++) x[k] = op(x[k], (chunks[c].*field)[k]);
    }
    block.reduce(x, op);
    if (sweep() == made && threadIdx.x == 0) {
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
    if (sweep() == Sweep::softmax) {
      reduce_softmax_sums(x, counts, kWarp);
      all[0] = x.below[0];
      all[1] = x.below[1];
      all[2] = x.tops[0];
      all[3] = x.tops[1];
      all[4] = x.positives;
      block.across(all, Add());
      if (threadIdx.x == 0) chunks[mine].softmax_sums = {{all[0], all[1]}, {all[2], all[3]}, all[4]};
    } else {
#pragma unroll 1
      for (int c = int(threadIdx.x); c < count; c += kGridThreads) {
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

// Asks for a chunk that a block takes next, whose documents then come from the L2 cache.
template <bool Biased>
CKL_DEVICE void prefetch_chunk(const Task& task, const Row& row, int first, int docs) {
  const Batch& batch = task.batch;
  const int64_t at = row.begin + first;
  prefetch_all(row_start({batch.student.data, batch.student.type}, at), docs * int(size_of(batch.student.type)));
  prefetch_all(row_start({batch.teacher.data, batch.teacher.type}, at), docs * int(size_of(batch.teacher.type)));
  prefetch_all(reinterpret_cast<const char*>(batch.labels + at), docs);
  if constexpr (Biased) {
    if (task.biased) prefetch_all(ranks_start(batch, at), docs * rank_size(batch));
  }
}

// Documents per thread of a chunk. More of them amortise what a chunk costs; for the size of the binary, only those of
// ckl without a rank bias.
template <class F>
inline constexpr int kGridElements = Unnormalised<F>::kAllowed ? 16 : 8;

// Registers at most: 128
template <class F, int P>
__global__ void __launch_bounds__(kGridThreads, 2) fast_grid(CKL_PARAMETER Task task) {
  constexpr int kElements = kGridElements<F>;
  constexpr unsigned kDocs = kElements * kGridThreads;
  typedef FastRow<F, kElements, P, Grid<kElements>> RowType;
  char* memory = dynamic_shared();
  float* const biases = reinterpret_cast<float*>(memory + kTeamBytes + kReduceBytes);
  RowTotal& total = *reinterpret_cast<RowTotal*>(memory + kTeamBytes);  // as in fast_team
  if (threadIdx.x == 0) total = {};
  Grid<kElements> team(task, memory);
  wait_for_earlier_launch();
  const int64_t longest = min(task.launch.longest_here, task.launch.longest);
  const unsigned chunks_a_row = unsigned((longest + kDocs - 1) / kDocs);
  const unsigned end = unsigned(task.launch.end);
  unsigned b = unsigned(task.launch.from) + blockIdx.x / chunks_a_row, chunk = blockIdx.x % chunks_a_row;
  while (b < end) {
    const Row row = row_of(task.batch.rows, b);
    const bool here = in_class(task, row) && chunk * kDocs < unsigned(row.n);
    const unsigned mine = chunk;
    chunk += gridDim.x;
    b += chunk / chunks_a_row;
    chunk %= chunks_a_row;
    if (task.launch.sweep == Sweep::softmax && b < end) {
      const Row next = row_of(task.batch.rows, b);
      const int first = int(chunk * kDocs), docs = min(int(next.n) - first, int(kDocs));
      if (in_class(task, next) && docs > 0) prefetch_chunk<F::biased>(task, next, first, docs);
    }
    if (!here) continue;
    team.take(row, int(mine));
    RowType x(task, team, row, biases, nullptr);
    x.run(true, total);
    team.block = x.team.block;
  }
  if (task.launch.sweep == Sweep::gradient) finish(task, threadIdx.x == 0 ? total : RowTotal{}, memory + kTeamBytes);
}

}  // namespace cuda
}  // namespace ckl
