// Operations on single rows: dot products, weighted sums, and normalisation with its backward pass.
#pragma once
#include "../cpu/half.h"
#include "kernel.h"

namespace ckl {
namespace {

CKL_FN float fma_scalar(float a, float b, float c) {
#if defined __FMA__ || defined __aarch64__
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

// Loads the first n <= 16 floats, followed by zeros.
CKL_FN V load_some(const float* p, int64_t n) {
  if (n >= kLanes) return load(p);
  float x[kLanes] = {0};
  memcpy(x, p, (size_t)n * sizeof(float));
  return load(x);
}
CKL_FN void store_some(float* p, V x, int64_t n) {
  if (n >= kLanes) return store(p, x);
  float y[kLanes];
  store(y, x);
  memcpy(p, y, (size_t)n * sizeof(float));
}

// Several chains at a time, to hide the latency of each.
constexpr int64_t kChains = 8;

void dots(const float* q, const float* x, int64_t k, const int32_t* at, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += kChains) {
    const int64_t count = n - i < kChains ? n - i : kChains;
    const float* row[kChains];
    float sum[kChains];
    for (int64_t j = 0; j < kChains; j++) {
      const int64_t index = j >= count ? -1 : at ? at[i + j] : i + j;
      row[j] = index < 0 ? q : x + index * k;
      sum[j] = 0;
    }
    for (int64_t c = 0; c < k; c++) {
      const float a = q[c];
      CKL_UNROLL for (int64_t j = 0; j < kChains; j++) sum[j] = fma_scalar(a, row[j][c], sum[j]);
    }
    for (int64_t j = 0; j < count; j++) out[i + j] = at && at[i + j] < 0 ? -__builtin_inff() : sum[j];
  }
}

template <int Vectors>
CKL_FN void gather_block(const float* weights, const int32_t* at, int64_t n, const float* x, int64_t k, int64_t columns,
                         float* out) {
  V sum[Vectors];
  CKL_UNROLL for (int v = 0; v < Vectors; v++) sum[v] = V(0.0f);
  for (int64_t i = 0; i < n; i++) {
    if (weights[i] == 0 || at[i] < 0) continue;
    const V w(weights[i]);
    const float* row = x + at[i] * k;
    CKL_UNROLL for (int v = 0; v < Vectors; v++) sum[v] =
        fma(w, load_some(row + v * kLanes, columns - v * kLanes), sum[v]);
  }
  CKL_UNROLL for (int v = 0; v < Vectors; v++) store_some(out + v * kLanes, sum[v], columns - v * kLanes);
}

void gather_sum(const float* weights, const int32_t* at, int64_t n, const float* x, int64_t k, float* out) {
  enum { kBlock = 4 };
  int64_t c = 0;
  for (; c + kBlock * kLanes <= k; c += kBlock * kLanes)
    gather_block<kBlock>(weights, at, n, x + c, k, kBlock * kLanes, out + c);
  for (; c < k; c += kLanes) gather_block<1>(weights, at, n, x + c, k, k - c, out + c);
}

void scatter_sum(float weight, const int32_t* at, int64_t step, int64_t n, const float* x, int64_t k, int64_t first,
                 float* out) {
  const V w(weight);
  for (int64_t t = 0; t < n; t++, x += k) {
    if (at[t * step] < 0) continue;
    float* row = out + (at[t * step] - first) * k;
    for (int64_t c = 0; c < k; c += kLanes)
      store_some(row + c, fma(w, load_some(x + c, k - c), load_some(row + c, k - c)), k - c);
  }
}

float sparse_dot(const float* dense, const int32_t* ids, const float* values, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum = fma_scalar(values[i], dense[ids[i]], sum);
  return sum;
}

void sparse_add(float weight, const int32_t* ids, const float* values, int64_t n, float* dense) {
  for (int64_t i = 0; i < n; i++) dense[ids[i]] = fma_scalar(weight, values[i], dense[ids[i]]);
}

CKL_FN V absolute(V x) { return from_bits(bits(x) & splat(0x7fffffff)); }

scoring::InverseNorm normalise(const float* x, int64_t k, float* u) {
  V largest(0.0f), zero(0.0f);
  for (int64_t c = 0; c < k; c += kLanes) {
    const V v = load_some(x + c, k - c);
    largest = max(largest, absolute(v));
    zero = zero + (v - v);
  }
  const float most = max_lanes(largest)[0];
  if (sum_lanes(zero)[0] != 0) {
    for (int64_t c = 0; c < k; c++) u[c] = __builtin_nanf("");
    return __builtin_nanf("");
  }
  if (most < 0x1p-126f) {
    memset(u, 0, (size_t)k * sizeof(float));
    return 0;
  }
  // Scales by a power of two, which is exact, so that the largest element is at least 1 and less than 4.
  const uint32_t exponent = float_as_word(most) >> 23;
  const float power = word_as_float((exponent > 253 ? 1 : 254 - exponent) << 23);
  V squares(0.0f);
  for (int64_t c = 0; c < k; c += kLanes) {
    const V v = load_some(x + c, k - c) * V(power);
    squares = fma(v, v, squares);
  }
  const float inverse = 1 / __builtin_sqrtf(sum_lanes(squares)[0]);
  for (int64_t c = 0; c < k; c += kLanes) store_some(u + c, load_some(x + c, k - c) * V(power) * V(inverse), k - c);
  return inverse * power;
}

void finish(float* grad, const float* u, scoring::InverseNorm inverse, float scale, int64_t k, MutableScores out,
            int64_t begin, bool accumulate, float* scratch) {
  // A row that is not finite has gradient NaN if any of its scores was read, else 0.
  if (u && inverse - inverse != 0) u = nullptr;
  V along(0.0f);
  for (int64_t c = 0; c < k; c += kLanes) {
    const V g = load_some(grad + c, k - c) * V(scale);
    store_some(grad + c, g, k - c);
    if (u) along = fma(load_some(u + c, k - c), g, along);
  }
  if (u) {
    const V minus = -sum_lanes(along);
    for (int64_t c = 0; c < k; c += kLanes) {
      const V g = fma(load_some(u + c, k - c), minus, load_some(grad + c, k - c));
      store_some(grad + c, g * V(inverse), k - c);
    }
  }
  if (accumulate) {
    widen({out.data, out.type}, begin, scratch, k);
    for (int64_t c = 0; c < k; c += kLanes)
      store_some(grad + c, load_some(scratch + c, k - c) + load_some(grad + c, k - c), k - c);
  }
  narrow(grad, out, begin, k);
}

}  // namespace
}  // namespace ckl
