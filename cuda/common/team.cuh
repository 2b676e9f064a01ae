// The threads that share a row: a warp or a part of it, a block, a cluster of blocks.
//
// A team adds and compares across its threads in an order that depends only on its size, so that a row's bits depend
// only on the row. All threads of a team make the same calls.
#pragma once
#include "platform.cuh"
#include "../launch/task.h"

namespace ckl {
namespace cuda {

struct Add {
  template <class T>
  CKL_DEVICE_MEMBER T operator()(T a, T b) const {
    return a + b;
  }
  static CKL_DEVICE_MEMBER float neutral() { return 0; }
};
struct Max {
  CKL_DEVICE_MEMBER float operator()(float a, float b) const { return fmaxf(a, b); }
  static CKL_DEVICE_MEMBER float neutral() { return -3.402823466e38f; }
};

CKL_DEVICE unsigned lane_id() { return threadIdx.x % kWarp; }

// Reduces over groups of `width` lanes of a warp, whose groups of `from` lanes are already reduced; all lanes of the
// warp take part. Near lanes always come first, so a row has the same bits in a wider group, whose other lanes add
// zeros.
template <class T, class Op>
CKL_DEVICE T over_lanes(T x, unsigned from, unsigned width, Op op) {
#pragma unroll
  for (unsigned o = 1; o < kWarp; o *= 2) {
    if (o < from) continue;
    if (o >= width) break;
    x = op(x, __shfl_xor_sync(kAll, x, o));
  }
  return x;
}

// Merges two values into one: even lanes continue with the first, odd lanes with the second.
template <class Op>
CKL_DEVICE float fold(float even, float odd, unsigned bit, Op op) {
  const bool is_odd = lane_id() & bit;
  return op(is_odd ? odd : even, __shfl_xor_sync(kAll, is_odd ? even : odd, bit));
}

// Reduces K values with few shuffles: half of the lanes carry one value, half another.
template <int K, class Op>
CKL_DEVICE void reduce_lanes(float (&x)[K], unsigned width, Op op) {
  const unsigned lane = lane_id();
  if (width == 1) return;
  if constexpr (K == 2) {
    const float both = over_lanes(fold(x[0], x[1], 1, op), 2, width, op);
    x[0] = __shfl_sync(kAll, both, lane & ~1u);
    x[1] = __shfl_sync(kAll, both, lane | 1u);
  } else if constexpr (K == 3) {
    const float pair = fold(x[0], x[1], 1, op), third = op(x[2], __shfl_xor_sync(kAll, x[2], 1));
    if (width == 2) {
      x[0] = __shfl_sync(kAll, pair, lane & ~1u);
      x[1] = __shfl_sync(kAll, pair, lane | 1u);
      x[2] = third;
      return;
    }
    const float all = over_lanes(fold(pair, third, 2, op), 4, width, op);
#pragma unroll
    for (unsigned k = 0; k < 3; k++) x[k] = __shfl_sync(kAll, all, (lane & ~3u) | k);
  } else {
#pragma unroll
    for (int k = 0; k < K; k++) x[k] = over_lanes(x[k], 1, width, op);
  }
}

// Several counts of up to 1024 documents packed into one word, to be reduced together.
CKL_DEVICE uint32_t pack_counts(uint32_t students, uint32_t teachers, uint32_t positives) {
  return students | teachers << 11 | positives << 22;
}
CKL_DEVICE void reduce_softmax_sums(SoftmaxSums& x, uint32_t counts, unsigned width) {
  reduce_lanes(x.below, width, Add());
  const uint32_t all = width == kWarp ? sum_of_warp(counts) : over_lanes(counts, 1, width, Add());
  x.tops[0] = float(all & 2047);
  x.tops[1] = float(all >> 11 & 2047);
  // 1024 positives are 0 in ten bits, but then there are known to be some.
  const uint32_t positives = all >> 22;
  x.positives = float(positives == 0 && counts >> 22 ? 1024 : positives);
}

// `width` lanes of a warp, a power of two; the warp's other lanes do the same for other rows.
struct Lanes {
  // Such teams rank their rows in the fast kernels, and read them at distances that are known when these are compiled.
  static constexpr bool kLanes = true;
  static constexpr bool kParks = false;  // what fast kernels compute per document stays in registers
  unsigned width;
  // The index of the team in the launch, and the number of teams.
  CKL_DEVICE_MEMBER unsigned index() const { return (blockIdx.x * blockDim.x + threadIdx.x) / width; }
  CKL_DEVICE_MEMBER unsigned count() const { return gridDim.x * blockDim.x / width; }
  CKL_DEVICE_MEMBER unsigned size() const { return width; }
  CKL_DEVICE_MEMBER unsigned rank() const { return threadIdx.x % width; }
  CKL_DEVICE_MEMBER void sync() const { __syncwarp(); }
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce(float (&x)[K], Op op) {
    reduce_lanes(x, width, op);
  }
  CKL_DEVICE_MEMBER void softmax_sums(SoftmaxSums& x, uint32_t counts) { reduce_softmax_sums(x, counts, width); }
  // Whether a later sweep continues the row.
  CKL_DEVICE_MEMBER bool stops_after(Sweep) const { return false; }
  // The index of a thread's first vector in the row, out of `vectors`, and the distance to its next one. Groups of
  // lanes share a stretch of the row, so that positions do not depend on the width.
  CKL_DEVICE_MEMBER int origin(int vectors, int group) const {
    return (int(rank()) & -group) * vectors + (int(rank()) & (group - 1));
  }
  CKL_DEVICE_MEMBER int stride(int group) const { return group; }
  // One past the last document that the team has room for, with this many elements per thread.
  CKL_DEVICE_MEMBER int end(int elements) const { return int(width) * elements; }
  // The part of the team that shares memory.
  CKL_DEVICE_MEMBER unsigned group_size() const { return width; }
  CKL_DEVICE_MEMBER unsigned group_rank() const { return rank(); }
  CKL_DEVICE_MEMBER void group_sync() const { sync(); }
};

// All threads of a block. `memory`: kTeamBytes of shared memory.
struct Block {
  float* memory;
  unsigned turn;  // alternates between two halves of the memory, so that one barrier per reduction is enough
  CKL_DEVICE_MEMBER int64_t index() const { return blockIdx.x; }
  CKL_DEVICE_MEMBER int64_t count() const { return gridDim.x; }
  CKL_DEVICE_MEMBER explicit Block(char* shared) : memory(reinterpret_cast<float*>(shared)), turn(0) {}
  CKL_DEVICE_MEMBER unsigned size() const { return blockDim.x; }
  CKL_DEVICE_MEMBER unsigned rank() const { return threadIdx.x; }
  CKL_DEVICE_MEMBER void sync() const { __syncthreads(); }
  CKL_DEVICE_MEMBER float* half() {
    turn ^= 1;
    return memory + turn * kTeamValues * 32;
  }
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce(float (&x)[K], Op op) {
    static_assert(K <= kTeamValues, "too many values at once");
    reduce_lanes(x, kWarp, op);
    across(x, op);
  }
  // Combines the values of the warps to that of the block.
  template <int K, class Op>
  CKL_DEVICE_MEMBER void across(float (&x)[K], Op op) {
    const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
    float* place = half();
    if (lane == 0) {
#pragma unroll
      for (int k = 0; k < K; k++) place[k * 32 + warp] = x[k];
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < K; k++) x[k] = lane < warps ? place[k * 32 + lane] : op.neutral();
    reduce_lanes(x, kWarp, op);
  }
  CKL_DEVICE_MEMBER unsigned group_size() const { return size(); }
  CKL_DEVICE_MEMBER unsigned group_rank() const { return rank(); }
  CKL_DEVICE_MEMBER void group_sync() const { sync(); }
};

// All threads of a cluster of blocks. A block without a cluster is a cluster of one block, the only kind on older
// chips.
struct Cluster {
  Block block;
  unsigned turn;  // the same: the memory that peers read follows the block's own two halves
  CKL_DEVICE_MEMBER explicit Cluster(char* shared) : block(shared), turn(0) {}
#if CKL_CLUSTERS
  CKL_DEVICE_MEMBER int64_t index() const { return cluster_index(); }
  CKL_DEVICE_MEMBER int64_t count() const { return cluster_count(); }
  CKL_DEVICE_MEMBER unsigned size() const { return blockDim.x * cluster_size(); }
  CKL_DEVICE_MEMBER unsigned rank() const { return threadIdx.x + blockDim.x * cluster_rank(); }
  CKL_DEVICE_MEMBER void sync() const {
    if (cluster_size() == 1) block.sync();
    else cluster_sync();
  }
  // Combines the values of the blocks to that of the cluster.
  template <int K, class Op>
  CKL_DEVICE_MEMBER void between(float (&x)[K], Op op) {
    const unsigned blocks = cluster_size();
    if (blocks == 1) return;
    turn ^= 1;
    float* place = block.memory + 2 * kTeamValues * 32 + turn * kTeamValues;
    if (threadIdx.x == 0) {
#pragma unroll
      for (int k = 0; k < K; k++) place[k] = x[k];
    }
    cluster_sync(threadIdx.x < kWarp);
    const float* peer = cluster_peer(place, lane_id() % blocks);  // one lane per block, all at once
#pragma unroll
    for (int k = 0; k < K; k++) x[k] = peer[k];
    reduce_lanes(x, blocks, op);
  }
#else
  CKL_DEVICE_MEMBER int64_t index() const { return block.index(); }
  CKL_DEVICE_MEMBER int64_t count() const { return block.count(); }
  CKL_DEVICE_MEMBER unsigned size() const { return block.size(); }
  CKL_DEVICE_MEMBER unsigned rank() const { return block.rank(); }
  CKL_DEVICE_MEMBER void sync() const { block.sync(); }
  template <int K, class Op>
  CKL_DEVICE_MEMBER void between(float (&)[K], Op) {}
#endif
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce(float (&x)[K], Op op) {
    block.reduce(x, op);
    between(x, op);
  }
  CKL_DEVICE_MEMBER unsigned group_size() const { return block.size(); }
  CKL_DEVICE_MEMBER unsigned group_rank() const { return block.rank(); }
  CKL_DEVICE_MEMBER void group_sync() const { block.sync(); }
};

template <class Team>
CKL_DEVICE float team_sum(Team& team, float x) {
  float v[1] = {x};
  team.reduce(v, Add());
  return v[0];
}
template <class Team>
CKL_DEVICE float team_max(Team& team, float x) {
  float v[1] = {x};
  team.reduce(v, Max());
  return v[0];
}

}  // namespace cuda
}  // namespace ckl
