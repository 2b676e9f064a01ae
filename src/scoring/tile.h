// Register tiles: a few rows times a packed panel, with one chain of fused multiply-adds per element; and the best of
// the rows.
#pragma once
#include "../cpu/transpose.h"

namespace ckl {
namespace {

// As many sums as fit in the registers next to the vectors of a panel and one number.
#if defined __AVX512F__
enum { kVectors = 2, kTileRows = 14 };
#elif defined __AVX2__ || defined __aarch64__
enum { kVectors = 1, kTileRows = 6 };
#else
enum { kVectors = 1, kTileRows = 3 };
#endif
enum { kColumns = kVectors * kLanes };

// Without the pragmas GCC keeps the sums in memory, at half the speed.
template <int R>
void tile(const float* a, int64_t row_stride, int64_t step, const float* panel, int64_t k, float* out, int64_t stride,
          bool first) {
  V sum[R][kVectors];
  CKL_UNROLL for (int r = 0; r < R; r++) {
    CKL_UNROLL for (int v = 0; v < kVectors; v++) sum[r][v] = first ? V(0.0f) : load(out + r * stride + v * kLanes);
  }
  for (int64_t i = 0; i < k; i++, a += step, panel += kColumns) {
    V b[kVectors];
    CKL_UNROLL for (int v = 0; v < kVectors; v++) b[v] = load(panel + v * kLanes);
    CKL_UNROLL for (int r = 0; r < R; r++) {
      const V x(a[r * row_stride]);
      CKL_UNROLL for (int v = 0; v < kVectors; v++) sum[r][v] = fma(x, b[v], sum[r][v]);
    }
  }
  CKL_UNROLL for (int r = 0; r < R; r++) {
    CKL_UNROLL for (int v = 0; v < kVectors; v++) store(out + r * stride + v * kLanes, sum[r][v]);
  }
}

template <int R>
void narrow_tile(const float* a, int64_t row_stride, int64_t step, const float* panel, int64_t k, int64_t count,
                 float* out, int64_t stride, bool first) {
  if (count == kColumns) return tile<R>(a, row_stride, step, panel, k, out, stride, first);
  float part[R * kColumns] = {0};
  for (int r = 0; !first && r < R; r++) memcpy(part + r * kColumns, out + r * stride, (size_t)count * sizeof(float));
  tile<R>(a, row_stride, step, panel, k, part, kColumns, first);
  for (int r = 0; r < R; r++) memcpy(out + r * stride, part + r * kColumns, (size_t)count * sizeof(float));
}

void product(const float* a, int64_t row_stride, int64_t step, int64_t rows, const float* panel, int64_t k,
             int64_t count, float* out, int64_t stride, bool first) {
  int64_t r = 0;
  for (; r + kTileRows <= rows; r += kTileRows)
    narrow_tile<kTileRows>(a + r * row_stride, row_stride, step, panel, k, count, out + r * stride, stride, first);
  for (; r + 4 <= rows && kTileRows > 4; r += 4)
    narrow_tile<4>(a + r * row_stride, row_stride, step, panel, k, count, out + r * stride, stride, first);
  for (; r < rows; r++)
    narrow_tile<1>(a + r * row_stride, row_stride, step, panel, k, count, out + r * stride, stride, first);
}

void largest(const float* products, int64_t rows, int32_t first, bool begins, float* best, int32_t* winner) {
  for (int64_t c = 0; c < kColumns; c += kLanes) {
    V most = load(begins ? products + c : best + c);
    V row = from_bits(begins ? splat(first) : load_bits(winner + c));
    for (int64_t r = begins ? 1 : 0; r < rows; r++) {
      const V x = load(products + r * kColumns + c);
      const M better = (x > most) | (~(x == x) & (most == most));
      most = select(better, x, most);
      row = select(better, from_bits(splat(first + (int32_t)r)), row);
    }
    store(best + c, most);
    store_bits(winner + c, bits(row));
  }
}

// A few steps at a time, so that the part of the panel being written stays in the first-level cache.
void pack_rows(const float* x, int64_t stride, int64_t count, int64_t k, float* panel) {
  constexpr int64_t kSteps = 64;
  int64_t begin[kColumns];
  for (int64_t c = 0; c < kColumns; c++) begin[c] = c * stride;
  for (int64_t i = 0; i < k; i += kSteps) {
    const int64_t n = k - i < kSteps ? k - i : kSteps;
    for (int64_t c = 0; c < kColumns; c += kLanes) {
      float* const columns = panel + i * kColumns + c;
      if (c + kLanes <= count) {
        rows_to_columns<kColumns>(RowSet<4, const char>{(const char*)(x + i), begin + c}, columns, n);
        continue;
      }
      for (int64_t lane = 0; lane < kLanes; lane++)
        for (int64_t j = 0; j < n; j++)
          columns[j * kColumns + lane] = c + lane < count ? x[begin[c + lane] + i + j] : 0;
    }
  }
}

void pack_columns(const float* x, int64_t stride, int64_t count, int64_t k, float* panel) {
  const V zero(0.0f);
  for (int64_t i = 0; i < k; i++, x += stride, panel += kColumns) {
    float some[kColumns] = {0};
    if (count < kColumns) memcpy(some, x, (size_t)count * sizeof(float));
    const float* const row = count < kColumns ? some : x;
    CKL_UNROLL for (int v = 0; v < kVectors; v++) {
      const V values = load(row + v * kLanes);
      store(panel + v * kLanes, select(values - values == zero, values, zero));
    }
  }
}

}  // namespace
}  // namespace ckl
