// A block, or a cluster of blocks, whose warps each hold a stretch of a row. Values are reduced in two steps: warps
// leave theirs in shared memory, and the blocks of a cluster push theirs into each other's.
//
// Both steps add near members first, in a tree. A row has the same bits in a block of more warps, whose other warps add
// zeros. Barriers count pushed bytes, so no thread waits for its stores to global memory.
#pragma once
#include "team.cuh"

namespace ckl {
namespace cuda {

// kWarps: of a block, if it is known.
template <unsigned kWarps>
struct RowTeamOf {
  static constexpr bool kLanes = false, kParks = true, kStages = true;
  static constexpr int kMembers = 16;  // warps of a block, and blocks of a cluster, at most
  // Floats of a member's values: two, four or eight, so that members share the lanes of a warp evenly.
  static constexpr int padded(int values) { return values <= 2 ? 2 : values <= 4 ? 4 : 8; }
  // Memory: two halves of the warps' values in turn, as in Block; two of the blocks', and a barrier for each of these.
  static constexpr int kHalf = kMembers * 8;
  static_assert(4 * kHalf * 4 + 2 * 8 <= kTeamBytes, "too many members");

  float* memory;
  unsigned turn;  // how many reductions there were

  CKL_DEVICE_MEMBER explicit RowTeamOf(char* shared) : memory(reinterpret_cast<float*>(shared)), turn(0) {
#if CKL_CLUSTERS
    if (!CKL_RARE(cluster_size() > 1)) return;
    if (threadIdx.x == 0) init_barrier(barrier(0)), init_barrier(barrier(1));
    start_barriers();
#endif
  }
#if CKL_CLUSTERS
  CKL_DEVICE_MEMBER unsigned blocks() const { return cluster_size(); }
  CKL_DEVICE_MEMBER unsigned block() const { return cluster_rank(); }
  CKL_DEVICE_MEMBER int64_t index() const { return cluster_index(); }
  CKL_DEVICE_MEMBER int64_t count() const { return cluster_count(); }
  CKL_DEVICE_MEMBER void sync() const {
    if (cluster_size() == 1) __syncthreads();
    else cluster_sync();
  }
#else
  CKL_DEVICE_MEMBER unsigned blocks() const { return 1; }
  CKL_DEVICE_MEMBER unsigned block() const { return 0; }
  CKL_DEVICE_MEMBER int64_t index() const { return blockIdx.x; }
  CKL_DEVICE_MEMBER int64_t count() const { return gridDim.x; }
  CKL_DEVICE_MEMBER void sync() const { __syncthreads(); }
#endif
  CKL_DEVICE_MEMBER unsigned size() const { return blockDim.x * blocks(); }
  CKL_DEVICE_MEMBER unsigned rank() const { return threadIdx.x + blockDim.x * block(); }
  CKL_DEVICE_MEMBER unsigned warps() const { return kWarps > 0 ? kWarps : blockDim.x / kWarp; }
  // The number of the warp's stretch in the row: they are dealt out to the blocks in turn, so that which block has one
  // does not depend on how many warps the blocks have.
  CKL_DEVICE_MEMBER unsigned stretch() const { return threadIdx.x / kWarp * blocks() + block(); }
  CKL_DEVICE_MEMBER bool stops_after(Sweep) const { return false; }
  CKL_DEVICE_MEMBER uint64_t* barrier(unsigned half) const {
    return reinterpret_cast<uint64_t*>(memory + 4 * kHalf) + half;
  }

  // Lane k of a warp gets the warp's value k.
  template <int K, class Op>
  static CKL_DEVICE_MEMBER float over_warp(const float (&x)[K], Op op) {
    static_assert(K <= 3, "more values go through softmax_sums");
    if constexpr (K == 1) return over_lanes(x[0], 1, kWarp, op);
    else if constexpr (K == 2) return over_lanes(fold(x[0], x[1], 1, op), 2, kWarp, op);
    else {
      const float pair = fold(x[0], x[1], 1, op), third = op(x[2], __shfl_xor_sync(kAll, x[2], 1));
      return over_lanes(fold(pair, third, 2, op), 4, kWarp, op);
    }
  }
  // Combines the values of `members`, kPadded floats each; lane k gets value k % kPadded.
  template <int kPadded, class Op>
  static CKL_DEVICE_MEMBER float combine(const float* place, unsigned members, Op op) {
    constexpr int kParts = kMembers * kPadded / int(kWarp);
    const unsigned lane = lane_id(), floats = members * kPadded;
    float part[kParts];
#pragma unroll
    for (unsigned g = 0; g < kParts; g++) {
      part[g] = op.neutral();
      if (g > 0 && g * kWarp >= floats) continue;
      if (g * kWarp + lane < floats) part[g] = place[g * kWarp + lane];
#pragma unroll
      for (unsigned o = kPadded; o < kWarp; o *= 2) {
        if (o >= floats) break;
        part[g] = op(part[g], __shfl_xor_sync(kAll, part[g], o));
      }
    }
#pragma unroll
    for (int step = 1; step < kParts; step *= 2)
#pragma unroll
      for (int g = 0; g < kParts; g += 2 * step) part[g] = op(part[g], part[g + step]);
    return part[0];
  }
  template <int K>
  static CKL_DEVICE_MEMBER void spread(float (&x)[K], float mine) {
#pragma unroll
    for (int k = 0; k < K; k++) x[k] = __shfl_sync(kAll, mine, k);
  }

  // Reduces K values, of which lane k % padded(K) of each warp holds the warp's.
  template <int K, class Op>
  CKL_DEVICE_MEMBER void across(float (&x)[K], float mine, Op op) {
    constexpr int kPadded = padded(K);
    float* const place = memory + turn % 2 * kHalf;
    const unsigned lane = lane_id();
    if (lane < kPadded) place[threadIdx.x / kWarp * kPadded + lane] = mine;
    __syncthreads();
    spread(x, combine<kPadded>(place, warps(), op));
#if CKL_CLUSTERS
    if (CKL_RARE(blocks() > 1)) exchange(x, op);
#endif
    turn++;
  }
#if CKL_CLUSTERS
  // Reduces values over the blocks. A peer's half is written again only after that peer has pushed values of its next
  // exchange, before which all its threads have read this half and met at a barrier.
  template <int K, class Op>
  CKL_DEVICE_MEMBER void exchange(float (&x)[K], Op op) {
    constexpr int kPadded = padded(K), kPushed = kPadded < 4 ? kPadded : 4;
    const unsigned half = turn % 2, phase = turn / 2 % 2, peers = blocks();
    float* const place = memory + (2 + half) * kHalf;
    if (threadIdx.x < kWarp) {
      if (threadIdx.x == 0) expect_bytes(barrier(half), peers * kPadded * 4);
      if (threadIdx.x < peers) {
        float values[kPadded] = {};
#pragma unroll
        for (int k = 0; k < K; k++) values[k] = x[k];
#pragma unroll
        for (int k = 0; k < kPadded; k += kPushed)
          push<kPushed>(threadIdx.x, place + block() * kPadded + k, values + k, barrier(half));
      }
      __syncwarp();
    }
    wait_for_bytes(barrier(half), phase);
    spread(x, combine<kPadded>(place, peers, op));
  }
#endif
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce(float (&x)[K], Op op) {
    across(x, over_warp(x, op), op);
  }
  // The same for values that all lanes of a warp hold.
  template <int K, class Op>
  CKL_DEVICE_MEMBER void reduce_warps(float (&x)[K], Op op) {
    const unsigned lane = lane_id() % padded(K);
    float mine = x[K - 1];
#pragma unroll
    for (unsigned k = 0; k + 1 < K; k++) mine = lane == k ? x[k] : mine;
    across(x, mine, op);
  }
  CKL_DEVICE_MEMBER void softmax_sums(SoftmaxSums& x, uint32_t counts) {
    const float below = over_warp(x.below, Add());
    const uint32_t all = sum_of_warp(counts), positives = all >> 22, k = lane_id() % 8;
    // 1024 positives are 0 in ten bits, but then there are known to be some.
    const uint32_t count = k == 2   ? all & 2047
                           : k == 3 ? all >> 11 & 2047
                                    : (positives == 0 && counts >> 22 ? 1024 : positives);
    float sums[5];
    across(sums, k < 2 ? below : float(count), Add());
    x = {{sums[0], sums[1]}, {sums[2], sums[3]}, sums[4]};
  }
};

typedef RowTeamOf<0> RowTeam;

}  // namespace cuda
}  // namespace ckl
