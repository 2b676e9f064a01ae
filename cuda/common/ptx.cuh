// Features without a CUDA C++ function for all chips: dynamic shared memory, approximate functions, float16
// conversions, clusters. Included by platform.cuh only, which defines CKL_DEVICE.
#pragma once
#include <cuda_runtime.h>
#include <stdint.h>

namespace ckl {
namespace cuda {

// The dynamic shared memory of the block, aligned to 16 bytes.
CKL_DEVICE char* dynamic_shared() {
  extern __shared__ __align__(16) char memory[];
  return memory;
}

// kBytes bytes, at most 16, as one streaming load from kAt bytes after an address. Volatile, so that loads are issued
// in program order, before anything that uses them.
template <int kBytes, int kAt>
CKL_DEVICE void load_now(uint32_t* to, const char* from) {
#define CKL_LOAD(type, ...) asm volatile("ld.global.cs." type "];" : __VA_ARGS__ : "l"(from), "n"(kAt) : "memory")
  if constexpr (kBytes == 16)
    CKL_LOAD("v4.u32 {%0, %1, %2, %3}, [%4 + %5", "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]));
  else if constexpr (kBytes == 8) CKL_LOAD("v2.u32 {%0, %1}, [%2 + %3", "=r"(to[0]), "=r"(to[1]));
  else if constexpr (kBytes == 4) CKL_LOAD("u32 %0, [%1 + %2", "=r"(to[0]));
  else if constexpr (kBytes == 2) CKL_LOAD("u16 %0, [%1 + %2", "=r"(to[0]));
  else CKL_LOAD("u8 %0, [%1 + %2", "=r"(to[0]));
#undef CKL_LOAD
}
// A word that nothing may depend on: it takes no instruction.
struct Arbitrary {
  CKL_DEVICE_MEMBER operator uint32_t() const {
    uint32_t x;
    asm("" : "=r"(x));
    return x;
  }
};
// The same if `here`; otherwise words become `none`. A branch around a load would cost registers.
template <int kBytes, int kAt, class Word>
CKL_DEVICE void load_if(bool here, uint32_t* to, const char* from, Word none) {
#define CKL_LOAD(of_here, type, ...)                                                         \
  asm volatile("{ .reg .pred p; setp.ne.u32 p, " of_here ", 0; @p ld.global.cs." type "]; }" \
               : __VA_ARGS__                                                                 \
               : "r"(uint32_t(here)), "l"(from), "n"(kAt)                                    \
               : "memory")
#pragma unroll
  for (int i = 0; i < (kBytes + 3) / 4; i++) to[i] = none;
  if constexpr (kBytes == 16)
    CKL_LOAD("%4", "v4.u32 {%0, %1, %2, %3}, [%5 + %6", "+r"(to[0]), "+r"(to[1]), "+r"(to[2]), "+r"(to[3]));
  else if constexpr (kBytes == 8) CKL_LOAD("%2", "v2.u32 {%0, %1}, [%3 + %4", "+r"(to[0]), "+r"(to[1]));
  else if constexpr (kBytes == 4) CKL_LOAD("%1", "u32 %0, [%2 + %3", "+r"(to[0]));
  else if constexpr (kBytes == 2) CKL_LOAD("%1", "u16 %0, [%2 + %3", "+r"(to[0]));
  else CKL_LOAD("%1", "u8 %0, [%2 + %3", "+r"(to[0]));
#undef CKL_LOAD
}

// The sign bits of bytes kByte and kByte + 1 of x, each over two bytes of the result. (__byte_perm has no signs.)
template <int kByte>
CKL_DEVICE uint32_t spread_signs(uint32_t x) {
  uint32_t spread;
  asm("prmt.b32 %0, %1, 0, %2;" : "=r"(spread) : "r"(x), "n"(0x9988 + 0x1111 * kByte));
  return spread;
}

// One streaming store of 16, 8 or 4 bytes, if `here`. With a branch around each store, the compiler would compute its
// address again.
template <int kBytes>
CKL_DEVICE void store_if(bool here, void* to, const uint32_t* x) {
#define CKL_STORE(words, ...)                                                       \
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %0, 0; @p st.global.cs." words "; }" \
               :                                                                    \
               : "r"(uint32_t(here)), "l"(to), __VA_ARGS__                          \
               : "memory")
  if constexpr (kBytes == 16) CKL_STORE("v4.u32 [%1], {%2, %3, %4, %5}", "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]));
  else if constexpr (kBytes == 8) CKL_STORE("v2.u32 [%1], {%2, %3}", "r"(x[0]), "r"(x[1]));
  else CKL_STORE("u32 [%1], %2", "r"(x[0]));
#undef CKL_STORE
}

// Copies 16 or 4 bytes from global to shared memory, both addresses multiples of that, without passing through
// registers. The copy has been made once the same thread has waited; other threads see it after a barrier with that
// one.
template <int kBytes>
CKL_DEVICE void copy_async(char* to, const char* from) {
#if __CUDA_ARCH__ >= 800
  const unsigned at = unsigned(__cvta_generic_to_shared(to));
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(at), "l"(from) : "memory");
  else asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" : : "r"(at), "l"(from) : "memory");
#else
  uint32_t words[4];
  load_now<kBytes, 0>(words, from);
  memcpy(to, words, kBytes);
#endif
}
// The same for 16 bytes, kAt bytes after both addresses, if `here`.
template <int kAt>
CKL_DEVICE void copy_async_if(bool here, char* to, const char* from) {
#if __CUDA_ARCH__ >= 800
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %2, 0; @p cp.async.cg.shared.global [%0 + %3], [%1 + %3], 16; }"
               :
               : "r"(unsigned(__cvta_generic_to_shared(to))), "l"(from), "r"(uint32_t(here)), "n"(kAt)
               : "memory");
#else
  if (here) copy_async<16>(to + kAt, from + kAt);
#endif
}
// Brings the memory there into the L2 cache.
CKL_DEVICE void prefetch(const char* from) { asm volatile("prefetch.global.L2 [%0];" : : "l"(from)); }
// The same for a stretch of memory, by all threads of the block together.
CKL_DEVICE void prefetch_all(const char* from, int bytes) {
#if __CUDA_ARCH__ >= 900
  if (threadIdx.x != 0) return;
  const int odd = int(-reinterpret_cast<uintptr_t>(from) & 15), whole = (bytes - odd) & ~15;
  if (whole > 0) asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" : : "l"(from + odd), "r"(whole) : "memory");
#else
  constexpr int kSector = 32;
#pragma unroll 1
  for (int at = int(threadIdx.x) * kSector; at < bytes; at += int(blockDim.x) * kSector) prefetch(from + at);
#endif
}
CKL_DEVICE void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" : : : "memory");
#endif
}
// The copies of this thread since the last call become a group; waits for those of all groups but the last.
CKL_DEVICE void group_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" : : : "memory");
#endif
}
CKL_DEVICE void wait_for_earlier_groups() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group 1;" : : : "memory");
#endif
}

// 16, 8 or 4 bytes of shared memory, from a multiple of that.
template <int kBytes>
CKL_DEVICE void load_shared(uint32_t* to, const char* from) {
  if constexpr (kBytes == 16) {
    const uint4 x = *reinterpret_cast<const uint4*>(from);
    to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
  } else if constexpr (kBytes == 8) {
    const uint2 x = *reinterpret_cast<const uint2*>(from);
    to[0] = x.x, to[1] = x.y;
  } else {
    to[0] = *reinterpret_cast<const uint32_t*>(from);
  }
}

// The sum over a warp.
CKL_DEVICE uint32_t sum_of_warp(uint32_t x) {
#if __CUDA_ARCH__ >= 800
  return __reduce_add_sync(0xffffffffu, x);
#else
  for (int o = 1; o < 32; o *= 2) x += __shfl_xor_sync(0xffffffffu, x, o);
  return x;
#endif
}

// 2^x and log2 x by the special-function unit, within 2^-22; 2^x is exact for integers; denormal results are 0.
CKL_DEVICE float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
CKL_DEVICE float log2_fast(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
CKL_DEVICE float reciprocal_fast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

CKL_DEVICE float widen_float16(uint16_t h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
}
CKL_DEVICE uint16_t narrow_float16(float f) {
  uint16_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
}

// A launch may begin before the one in front of it in its stream has ended, if it asks for that (LaunchConfig). This
// waits until that one has ended and everything it wrote is visible. Until then, a kernel touches no memory that others
// write.
CKL_DEVICE void wait_for_earlier_launch() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// Such a launch may begin as soon as all blocks of this one have come here.
CKL_DEVICE void let_next_launch_begin() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

// Words by which the blocks of a launch order what they read of each other. Each adds 1 to a ticket, which is 0 again
// after `most`; whoever takes one sees what those before wrote before they took theirs.
CKL_DEVICE unsigned take_ticket(unsigned* ticket, unsigned most) {
  unsigned taken;
  asm volatile("atom.acq_rel.gpu.inc.u32 %0, [%1], %2;" : "=r"(taken) : "l"(ticket), "r"(most) : "memory");
  return taken;
}
CKL_DEVICE unsigned read_counter(const unsigned* counter) {
  unsigned x;
  asm volatile("ld.relaxed.gpu.u32 %0, [%1];" : "=r"(x) : "l"(counter) : "memory");
  return x;
}
// Lets those pass who wait for a change, and see what this thread saw or wrote.
CKL_DEVICE void raise_counter(unsigned* counter, unsigned to) {
  asm volatile("st.release.gpu.u32 [%0], %1;" ::"l"(counter), "r"(to) : "memory");
}
CKL_DEVICE void await_change(const unsigned* counter, unsigned from) {
  unsigned x;
  do asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(x) : "l"(counter) : "memory");
  while (x == from);
}
// Called by kernels that not all code has, and by those that cannot rank rows; the emulator checks that none is
// launched where it is empty, and that ranks are there.
CKL_DEVICE void need_all_kernels() {}
CKL_DEVICE void need_ranks(bool) {}
// Memory that blocks of one launch write for others; the emulator checks that something orders the accesses.
template <class T>
CKL_DEVICE void write_for_blocks(T* to, const T& x) {
  *to = x;
}
template <class T>
CKL_DEVICE const T& from_blocks(const T* from) {
  return *from;
}

// Blocks that share a row: thread-block clusters, which Hopper introduced.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define CKL_CLUSTERS 1
CKL_DEVICE unsigned cluster_size() { return __clusterSizeInBlocks(); }
CKL_DEVICE unsigned cluster_rank() { return __clusterRelativeBlockRank(); }
// The number of the cluster, and of all clusters: without a division by their size. ptxas computes the former in float,
// so it is exact up to 2^24 blocks; kMaxBlocks is far less.
CKL_DEVICE unsigned cluster_index() { return __clusterIdx().x; }
CKL_DEVICE unsigned cluster_count() { return __clusterGridDimInClusters().x; }
CKL_DEVICE void cluster_sync() {
  __cluster_barrier_arrive();
  __cluster_barrier_wait();
}
// The same, but only warps that `wrote` wait for their stores to global memory.
CKL_DEVICE void cluster_sync(bool wrote) {
  if (wrote) asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
  else asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}
template <class T>
CKL_DEVICE T* cluster_peer(T* shared, unsigned rank) {
  return static_cast<T*>(__cluster_map_shared_rank(shared, rank));
}

// Barriers in shared memory that count bytes. A phase ends when one thread of the block has said how many bytes it
// waits for, and peers have pushed as many.
CKL_DEVICE unsigned shared_address(const void* shared) { return unsigned(__cvta_generic_to_shared(shared)); }
CKL_DEVICE void init_barrier(uint64_t* barrier) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" : : "r"(shared_address(barrier)) : "memory");
}
// After this, peers may push: all threads of the cluster are here, and see the barriers that others have set up.
CKL_DEVICE void start_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" : : : "memory");
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" : : : "memory");
  asm volatile("barrier.cluster.wait.acquire.aligned;" : : : "memory");
}
CKL_DEVICE void expect_bytes(uint64_t* barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
               :
               : "r"(shared_address(barrier)), "r"(bytes)
               : "memory");
}
// Waits until the phase of this parity, counted from 0, has ended. What was pushed is then visible.
CKL_DEVICE void wait_for_bytes(uint64_t* barrier, unsigned parity) {
  asm volatile(
      "{ .reg .pred done; again: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;"
      " @!done bra again; }"
      :
      : "r"(shared_address(barrier)), "r"(parity)
      : "memory");
}
// Stores two or four floats at the same place in the memory of a block of the cluster, and counts them at its barrier.
template <int kFloats>
CKL_DEVICE void push(unsigned rank, float* place, const float* x, uint64_t* barrier) {
  unsigned to, at;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(to) : "r"(shared_address(place)), "r"(rank));
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(at) : "r"(shared_address(barrier)), "r"(rank));
#define CKL_PUSH(vector, ...) \
  asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes." vector ";" : : __VA_ARGS__ : "memory")
  if constexpr (kFloats == 2) CKL_PUSH("v2.f32 [%0], {%1, %2}, [%3]", "r"(to), "f"(x[0]), "f"(x[1]), "r"(at));
  else CKL_PUSH("v4.f32 [%0], {%1, %2, %3, %4}, [%5]", "r"(to), "f"(x[0]), "f"(x[1]), "f"(x[2]), "f"(x[3]), "r"(at));
#undef CKL_PUSH
}
#else
#define CKL_CLUSTERS 0
#endif

}  // namespace cuda
}  // namespace ckl
