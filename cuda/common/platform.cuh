// What kernels use of the machine beyond C++: from CUDA, or from the emulator that runs the same sources on a host.
#pragma once
#include <stdint.h>

#ifdef CKL_EMULATE
#include "../../test/emulator/device.h"
#else
#include <cuda_runtime.h>
#endif

// A kernel's one parameter is read in place, not copied to every thread's stack.
#ifdef CKL_EMULATE
#define CKL_PARAMETER const
#else
#define CKL_PARAMETER const __grid_constant__
#endif

#define CKL_DEVICE static __device__ __forceinline__
#define CKL_DEVICE_MEMBER __device__ __forceinline__

namespace ckl {
namespace cuda {

constexpr unsigned kWarp = 32, kAll = 0xffffffffu;

#ifndef CKL_EMULATE

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

// Blocks that share a row: thread-block clusters, which Hopper brought.
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

#endif

CKL_DEVICE float widen_bfloat16(uint16_t h) { return __uint_as_float(uint32_t(h) << 16); }
CKL_DEVICE uint16_t narrow_bfloat16(float f) {
  const uint32_t u = __float_as_uint(f);
  if ((u & 0x7fffffff) > 0x7f800000) return uint16_t(u >> 16 | 0x40);
  return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

// Two at once, the first in the low half; one instruction on newer chips.
CKL_DEVICE uint32_t narrow_pair(bool brain, float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t pair;
  if (brain) asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  else asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  const uint16_t a = brain ? narrow_bfloat16(low) : narrow_float16(low);
  const uint16_t b = brain ? narrow_bfloat16(high) : narrow_float16(high);
  return uint32_t(a) | uint32_t(b) << 16;
#endif
}

CKL_DEVICE float infinity() { return __uint_as_float(0x7f800000); }
CKL_DEVICE float not_a_number() { return __uint_as_float(0x7fc00000); }
CKL_DEVICE bool finite(float x) { return (__float_as_uint(x) & 0x7f800000) != 0x7f800000; }

}  // namespace cuda
}  // namespace ckl
