// The threads that share a row: a warp or a part of it, a block, a cluster of blocks.
//
// A team adds and compares across its threads in an order that depends on its size alone, so that a row's bits depend on
// the row alone. All threads of a team call together.
#pragma once
#include "platform.cuh"
#include "task.h"

namespace ckl {
namespace cuda {

struct Add {
  CKL_DEVICE_MEMBER float operator()(float a, float b) const { return a + b; }
};
struct Most {
  CKL_DEVICE_MEMBER float operator()(float a, float b) const { return fmaxf(a, b); }
};

// Reduces K values over groups of `width` lanes of a warp; all lanes of the warp take part.
template <int K, class Op>
CKL_DEVICE void reduce_lanes(float (&x)[K], unsigned width, Op op) {
#pragma unroll
  for (unsigned o = kWarp / 2; o > 0; o /= 2) {
    if (o >= width) continue;
#pragma unroll
    for (int k = 0; k < K; k++) x[k] = op(x[k], __shfl_xor_sync(kAll, x[k], o));
  }
}

// `width` lanes of a warp, a power of two; the warp's other lanes do the same for rows of their own.
struct Lanes {
  unsigned width;
  // Which of how many teams of the launch it is.
  CKL_DEVICE_MEMBER int64_t index() const { return (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / width; }
  CKL_DEVICE_MEMBER int64_t count() const { return int64_t(gridDim.x) * blockDim.x / width; }
  CKL_DEVICE_MEMBER unsigned size() const { return width; }
  CKL_DEVICE_MEMBER unsigned rank() const { return threadIdx.x % width; }
  CKL_DEVICE_MEMBER void sync() const { __syncwarp(); }
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce(float (&x)[K], Op op) {
    reduce_lanes(x, width, op);
  }
  // The part of the team that shares memory.
  CKL_DEVICE_MEMBER unsigned group_size() const { return width; }
  CKL_DEVICE_MEMBER unsigned group_rank() const { return rank(); }
  CKL_DEVICE_MEMBER void group_sync() const { sync(); }
};

// All threads of a block. `memory`: kTeamBytes of shared memory.
struct Block {
  float* memory;
  unsigned turn;  // two halves of the memory in turn, so that one barrier a reduction is enough
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
    const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
    reduce_lanes(x, kWarp, op);
    float* place = half();
    if (lane == 0) {
#pragma unroll
      for (int k = 0; k < K; k++) place[k * 32 + warp] = x[k];
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < K; k++) x[k] = place[k * 32 + lane % warps];
    reduce_lanes(x, warps, op);
  }
  CKL_DEVICE_MEMBER unsigned group_size() const { return size(); }
  CKL_DEVICE_MEMBER unsigned group_rank() const { return rank(); }
  CKL_DEVICE_MEMBER void group_sync() const { sync(); }
};

// All threads of a cluster of blocks, on chips that have them.
struct Cluster {
  Block block;
  unsigned turn;  // the same again: what peers read is behind the block's own two halves
  CKL_DEVICE_MEMBER explicit Cluster(char* shared) : block(shared), turn(0) {}
#if CKL_CLUSTERS
  CKL_DEVICE_MEMBER int64_t index() const { return blockIdx.x / cluster_size(); }
  CKL_DEVICE_MEMBER int64_t count() const { return gridDim.x / cluster_size(); }
  CKL_DEVICE_MEMBER unsigned size() const { return blockDim.x * cluster_size(); }
  CKL_DEVICE_MEMBER unsigned rank() const { return threadIdx.x + blockDim.x * cluster_rank(); }
  CKL_DEVICE_MEMBER void sync() const { cluster_sync(); }
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce(float (&x)[K], Op op) {
    block.reduce(x, op);
    turn ^= 1;
    float* place = block.memory + 2 * kTeamValues * 32 + turn * kTeamValues;
    if (threadIdx.x == 0) {
#pragma unroll
      for (int k = 0; k < K; k++) place[k] = x[k];
    }
    cluster_sync();
    const unsigned blocks = cluster_size();
#pragma unroll 1
    for (unsigned b = 0; b < blocks; b++) {
      const float* peer = cluster_peer(place, b);
#pragma unroll
      for (int k = 0; k < K; k++) x[k] = b == 0 ? peer[k] : op(x[k], peer[k]);
    }
  }
#else
  CKL_DEVICE_MEMBER int64_t index() const { return block.index(); }
  CKL_DEVICE_MEMBER int64_t count() const { return block.count(); }
  CKL_DEVICE_MEMBER unsigned size() const { return block.size(); }
  CKL_DEVICE_MEMBER unsigned rank() const { return block.rank(); }
  CKL_DEVICE_MEMBER void sync() const { block.sync(); }
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce(float (&x)[K], Op op) {
    block.reduce(x, op);
  }
#endif
  CKL_DEVICE_MEMBER unsigned group_size() const { return block.size(); }
  CKL_DEVICE_MEMBER unsigned group_rank() const { return block.rank(); }
  CKL_DEVICE_MEMBER void group_sync() const { block.sync(); }
};

template <class Team>
CKL_DEVICE float sum(Team& team, float x) {
  float v[1] = {x};
  team.reduce(v, Add());
  return v[0];
}
template <class Team>
CKL_DEVICE float most(Team& team, float x) {
  float v[1] = {x};
  team.reduce(v, Most());
  return v[0];
}

}  // namespace cuda
}  // namespace ckl
