// The number type of the fast kernels: a float whose exp and ln are the special-function unit's. The careful kernels
// use plain floats, whose functions are CUDA's accurate ones.
#pragma once
#include "../src/losses/losses.h"
#include "platform.cuh"

namespace ckl {
namespace {

struct Fast {
  float v;
  Fast() = default;
  CKL_FN Fast(float x) : v(x) {}
};

CKL_FN Fast operator+(Fast a, Fast b) { return a.v + b.v; }
CKL_FN Fast operator-(Fast a, Fast b) { return a.v - b.v; }
CKL_FN Fast operator*(Fast a, Fast b) { return a.v * b.v; }
CKL_FN Fast operator-(Fast a) { return -a.v; }
CKL_FN Fast select(bool m, Fast a, Fast b) { return m ? a.v : b.v; }
CKL_FN Fast fma(Fast a, Fast b, Fast c) { return __builtin_fmaf(a.v, b.v, c.v); }

// e^-x and ln x. ln is wrong near 1 by up to 2^-22: it serves as an exponent, where that is as good as exact;
// at 0 it is finite.
static __device__ __forceinline__ Fast exp_minus(Fast x) { return cuda::exp2_fast(x.v * -1.44269504f); }
static __device__ __forceinline__ Fast ln(Fast x) { return fmaxf(cuda::log2_fast(x.v), -126.0f) * 0.69314718f; }

}  // namespace
}  // namespace ckl
