// What CUDA C++ has no words for, or none that every chip has: shared memory of the launch, approximate functions, float16
// conversions, clusters. Included by platform.cuh alone, which defines CKL_DEVICE.
#pragma once
#include <cuda_runtime.h>
#include <stdint.h>

namespace ckl {
namespace cuda {

// Memory of the block, as much as the launch asked for, at 16 bytes.
CKL_DEVICE char* dynamic_shared() {
  extern __shared__ __align__(16) char memory[];
  return memory;
}

// 2^x and log2 x by the special-function unit, within 2^-22; 2^x is exact for whole x, denormal results are 0.
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

// Blocks that share a row: thread-block clusters, which Hopper introduced.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define CKL_CLUSTERS 1
CKL_DEVICE unsigned cluster_size() { return __clusterSizeInBlocks(); }
CKL_DEVICE unsigned cluster_rank() { return __clusterRelativeBlockRank(); }
CKL_DEVICE void cluster_sync() {
  __cluster_barrier_arrive();
  __cluster_barrier_wait();
}
template <class T>
CKL_DEVICE T* cluster_peer(T* shared, unsigned rank) {
  return static_cast<T*>(__cluster_map_shared_rank(shared, rank));
}
#else
#define CKL_CLUSTERS 0
#endif

}  // namespace cuda
}  // namespace ckl
