// The operations that a loss may use, for float and double; src/cpu/vec.h defines them for vectors of floats.
#pragma once
#include <math.h>
#include <stdint.h>

#ifdef __CUDACC__
#define CKL_FN __host__ __device__ __forceinline__
#else
#define CKL_FN inline __attribute__((always_inline))
#endif

namespace ckl {
namespace {

// m ? a : b, ignoring the value that is not chosen.
CKL_FN float select(bool m, float a, float b) { return m ? a : b; }
CKL_FN double select(bool m, double a, double b) { return m ? a : b; }

// a * b + c with one rounding.
CKL_FN float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
CKL_FN double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

// e^-x for x >= 0, and ln x for x > 0.
CKL_FN float exp_minus(float x) { return expf(-x); }
CKL_FN double exp_minus(double x) { return ::exp(-x); }
CKL_FN float ln(float x) { return logf(x); }
CKL_FN double ln(double x) { return ::log(x); }

CKL_FN float ln1p(float x) { return log1pf(x); }
CKL_FN double ln1p(double x) { return ::log1p(x); }

// Whether any lane is set: lets a loss skip work that only positives need.
CKL_FN bool any(bool m) { return m; }

}  // namespace
}  // namespace ckl
