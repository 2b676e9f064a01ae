// What kernels use beyond standard C++.
#pragma once
#include <stdint.h>

#include <cuda_runtime.h>

// The code for Turing, which is also what an unknown chip compiles, has few of the fast kernels: short rows are read by
// threads of a warp, others by the whole grid. Everything else would take a driver minutes, and a release a megabyte.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define CKL_ALL_KERNELS true
#else
#define CKL_ALL_KERNELS false
#endif

// A kernel's one parameter is read in place, not copied to every thread's stack.
#define CKL_PARAMETER const __grid_constant__

#define CKL_DEVICE static __device__ __forceinline__
#define CKL_DEVICE_MEMBER __device__ __forceinline__
// Large rare parts of the fast kernels. From sm_90 on, a kernel with calls sets up the descriptor of global memory
// before each access, which costs more instructions than anything else.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define CKL_RARE_PART static __device__ __forceinline__
#else
#define CKL_RARE_PART static __device__ __noinline__
#endif

// Only nvcc knows PTX. The emulator's cuda_runtime.h, for host compilers, has the same functions.
#ifdef __CUDACC__
#include "ptx.cuh"
#endif

namespace ckl {
namespace cuda {

constexpr unsigned kWarp = 32, kAll = 0xffffffffu;

CKL_DEVICE float widen_bfloat16(uint16_t h) { return __uint_as_float(uint32_t(h) << 16); }
CKL_DEVICE uint16_t narrow_bfloat16(float f) {
  const uint32_t u = __float_as_uint(f);
  if ((u & 0x7fffffff) > 0x7f800000) return uint16_t(u >> 16 | 0x40);
  return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

// Two at once, the first in the low half; a single instruction on newer chips.
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

// The larger of each of two pairs of bfloat16, which older chips cannot compare.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
constexpr bool kComparesPairs = true;
#else
constexpr bool kComparesPairs = false;
#endif
CKL_DEVICE uint32_t larger_pair(uint32_t a, uint32_t b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t pair;
  asm("max.bf16x2 %0, %1, %2;" : "=r"(pair) : "r"(a), "r"(b));
  return pair;
#else
  const float low = fmaxf(widen_bfloat16(uint16_t(a)), widen_bfloat16(uint16_t(b)));
  const float high = fmaxf(widen_bfloat16(uint16_t(a >> 16)), widen_bfloat16(uint16_t(b >> 16)));
  return uint32_t(narrow_bfloat16(low)) | uint32_t(narrow_bfloat16(high)) << 16;
#endif
}

CKL_DEVICE float infinity() { return __uint_as_float(0x7f800000); }
CKL_DEVICE float not_a_number() { return __uint_as_float(0x7fc00000); }
CKL_DEVICE bool finite(float x) { return (__float_as_uint(x) & 0x7f800000) != 0x7f800000; }

}  // namespace cuda
}  // namespace ckl
