// Kernels on rows of tables, rounded after each operation: weighted sums, products of rows with columns, Adam, the best
// of places.
#pragma once
#include "vectors.h"

namespace ckl {
namespace {

// As many sums as fit in the registers and hide the latency of an addition, next to the vector of columns, one number
// and one product. kSumVectors: vectors of a row that is added.
#if defined __AVX512F__
enum { kTableRows = 8, kSumVectors = 8 };
#elif defined __AVX2__ || defined __aarch64__
enum { kTableRows = 4, kSumVectors = 4 };
#else
enum { kTableRows = 2, kSumVectors = 2 };
#endif

template <int Vectors>
CKL_FN void sum_columns(const float* table, int64_t width, const int32_t* ids, const float* factors, int64_t n,
                        int64_t columns, float* out) {
  // Rows are scattered in memory: each is prefetched while those before it are added.
  constexpr int64_t kAhead = 6;
  V sum[Vectors];
  CKL_UNROLL for (int v = 0; v < Vectors; v++) sum[v] = V(0.0f);
  for (int64_t i = 0; i < n; i++) {
    const float* const row = table + ids[i] * width;
    if (Vectors > 1 && i + kAhead < n) {
      const float* const ahead = table + ids[i + kAhead] * width;
      CKL_UNROLL for (int v = 0; v < Vectors; v++) __builtin_prefetch(ahead + v * kLanes);
    }
    const V factor(factors[i]);
    CKL_UNROLL for (int v = 0; v < Vectors; v++) sum[v] =
        sum[v] + factor * (Vectors > 1 ? load(row + v * kLanes) : load_some(row, columns));
  }
  CKL_UNROLL for (int v = 0; v < Vectors; v++) {
    if (Vectors > 1) store(out + v * kLanes, sum[v]);
    else store_some(out, sum[v], columns);
  }
}

void sum_rows(const float* table, int64_t width, const int32_t* ids, const float* factors, int64_t n, float* out) {
  int64_t c = 0;
  for (; c + kSumVectors * kLanes <= width; c += kSumVectors * kLanes)
    sum_columns<kSumVectors>(table + c, width, ids, factors, n, kSumVectors * kLanes, out + c);
  for (; c < width; c += kLanes) sum_columns<1>(table + c, width, ids, factors, n, width - c, out + c);
}

template <int R>
CKL_FN void table_tile(const float* const* a, int64_t step, const float* columns, int64_t stride, int64_t k,
                       int64_t begin, int64_t count, float* const* out, bool first) {
  const float* row[R];
  CKL_UNROLL for (int r = 0; r < R; r++) row[r] = a[r];
  V sum[R];
  CKL_UNROLL for (int r = 0; r < R; r++) sum[r] = first ? V(0.0f) : load_some(out[r] + begin, count);
  columns += begin;
  for (int64_t i = 0; i < k; i++, columns += stride) {
    const V b = load_some(columns, count);
    CKL_UNROLL for (int r = 0; r < R; r++) sum[r] = sum[r] + V(row[r][i * step]) * b;
  }
  CKL_UNROLL for (int r = 0; r < R; r++) store_some(out[r] + begin, sum[r], count);
}

template <int R>
void table_rows(const float* const* a, int64_t step, const float* columns, int64_t stride, int64_t k, int64_t count,
                float* const* out, bool first) {
  int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes) table_tile<R>(a, step, columns, stride, k, c, kLanes, out, first);
  // The rest is rare and would take much code, so it is done row by row.
  for (int r = 0; c < count && r < R; r++) table_tile<1>(a + r, step, columns, stride, k, c, count - c, out + r, first);
}

void table_product(const float* const* a, int64_t step, int64_t rows, const float* columns, int64_t stride, int64_t k,
                   int64_t count, float* const* out, bool first) {
  if (rows == kTableRows) return table_rows<kTableRows>(a, step, columns, stride, k, count, out, first);
  for (int64_t r = 0; r < rows; r++) table_rows<1>(a + r, step, columns, stride, k, count, out + r, first);
}

float dot_rows(const float* a, const float* b, int64_t width) {
  typedef float Four __attribute__((vector_size(16)));
  typedef float FourUnaligned __attribute__((vector_size(16), aligned(4), may_alias));
  Four sum = {0, 0, 0, 0};
  for (int64_t k = 0; k < width; k += 4) sum = sum + *(const FourUnaligned*)(a + k) * *(const FourUnaligned*)(b + k);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void adam(float* parameters, float* gradient, float* first, float* second, int64_t width, float rate,
          float correction) {
  const V beta1(0.9f), rest1(float(1 - 0.9)), beta2(0.999f), rest2(float(1 - 0.999)), epsilon(1e-8f);
  for (int64_t k = 0; k < width; k += kLanes) {
    const int64_t n = width - k;
    const V g = load_some(gradient + k, n);
    const V m = beta1 * load_some(first + k, n) + rest1 * g;
    const V v = beta2 * load_some(second + k, n) + rest2 * (g * g);
    store_some(first + k, m, n);
    store_some(second + k, v, n);
    const V step = V(rate) * m / (root(v * V(correction)) + epsilon);
    store_some(parameters + k, load_some(parameters + k, n) - step, n);
    store_some(gradient + k, V(0.0f), n);
  }
}

void worth(const float* cosines, float strength, int64_t n, float* worth) {
  for (int64_t t = 0; t < n; t += kLanes) {
    const V cosine = max(load(cosines + t), V(0.0f));
    store(worth + t, V(strength) * (cosine * cosine));
  }
}

void best(const float* worth, int64_t stride, const int32_t* places, const float* factors, int64_t n, float* values,
          int32_t* which) {
  V most(0.0f), index = from_bits(splat(-1));
  for (int64_t i = 0; i < n; i++) {
    const V found = V(factors[i]) * load(worth + places[i] * stride);
    const M better = found > most;
    most = select(better, found, most);
    index = select(better, from_bits(splat((int32_t)i)), index);
  }
  store(values, most);
  store_bits(which, bits(index));
}

}  // namespace
}  // namespace ckl
