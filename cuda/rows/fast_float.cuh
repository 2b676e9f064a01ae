// The number type of the fast kernels: a float with the exp and ln of the special-function unit. The general kernels
// use float with CUDA's accurate functions.
#pragma once
#include "../../src/losses/losses.h"
#include "../common/platform.cuh"

namespace ckl {
namespace {

struct FastFloat {
  float v;
  FastFloat() = default;
  CKL_FN FastFloat(float x) : v(x) {}
};

CKL_FN FastFloat operator+(FastFloat a, FastFloat b) { return a.v + b.v; }
CKL_FN FastFloat operator-(FastFloat a, FastFloat b) { return a.v - b.v; }
CKL_FN FastFloat operator*(FastFloat a, FastFloat b) { return a.v * b.v; }
CKL_FN FastFloat operator-(FastFloat a) { return -a.v; }
CKL_FN bool operator>(FastFloat a, FastFloat b) { return a.v > b.v; }
CKL_FN FastFloat select(bool m, FastFloat a, FastFloat b) { return m ? a.v : b.v; }
CKL_FN FastFloat fma(FastFloat a, FastFloat b, FastFloat c) { return __builtin_fmaf(a.v, b.v, c.v); }

// e^-x and ln x. ln has an error of up to 2^-22 near 1, which does not matter because it is used as an exponent. It is
// finite at 0.
static __device__ __forceinline__ FastFloat exp_minus(FastFloat x) { return cuda::exp2_fast(x.v * -1.44269504f); }
static __device__ __forceinline__ FastFloat ln(FastFloat x) {
  return fmaxf(cuda::log2_fast(x.v), -126.0f) * 0.69314718f;
}

}  // namespace
}  // namespace ckl
