// The boundary between the portable scoring code and its kernels, which are compiled once per instruction set.
#pragma once
#include "../core/batch.h"

namespace ckl {
namespace scoring {

// What the backward pass of normalisation needs: 1 / |x|; 0 for a zero vector, NaN for a row that is not finite.
typedef float InverseNorm;

// Rows of tables of word vectors, their gradients and moments. Every product and every sum is rounded; nothing is
// fused, so that all machines agree. Row i is at table + i * width.
struct TableKernels {
  int64_t rows;  // rows of a full tile

  // out = the sum over i of factors[i] * table[ids[i]], in order.
  void (*sum)(const float* table, int64_t width, const int32_t* ids, const float* factors, int64_t n, float* out);
  // out[r][c] = the sum over i < k of a[r][i * step] * columns[i * stride + c], in order, starting
  // from 0 or, unless it is the first part, from out[r]; c < count. For `rows` rows, at most a full tile.
  void (*product)(const float* const* a, int64_t step, int64_t rows, const float* columns, int64_t stride, int64_t k,
                  int64_t count, float* const* out, bool first);
  // One sum per lane of four, then (0 + 1) + (2 + 3). The width must be a multiple of four.
  float (*dot)(const float* a, const float* b, int64_t width);
  // A step of Adam, which also clears the gradient. rate: the learning rate over the first moment's bias correction;
  // correction: 1 over the second moment's.
  void (*adam)(float* parameters, float* gradient, float* first, float* second, int64_t width, float rate,
               float correction);
  // worth[t] = strength * max(0, cosines[t])^2, for a multiple of sixteen elements.
  void (*worth)(const float* cosines, float strength, int64_t n, float* worth);
  // For sixteen columns of the n rows of `worth` at `places`: the largest factors[i] * worth[places[i]], at least 0,
  // and the first i that attains it, or -1 if it is 0.
  void (*best)(const float* worth, int64_t stride, const int32_t* places, const float* factors, int64_t n,
               float* values, int32_t* which);
};

// All vectors are float32 rows of k elements. A sum is one chain of fused multiply-adds in the order of its terms,
// independent of tiles, threads and instruction set.
struct Kernels {
  int64_t columns;  // columns of a panel
  int64_t rows;     // rows of a full tile

  // Packs up to `columns` rows of x as columns of a panel of k rows: panel[i * columns + c] = x[c * stride + i].
  void (*pack_rows)(const float* x, int64_t stride, int64_t count, int64_t k, float* panel);
  // Packs up to `columns` columns of k rows: panel[i * columns + c] = x[i * stride + c], or 0 if that is not finite. A
  // weight of 0 then excludes the element from a sum, and with a weight of NaN the sum is NaN anyway.
  void (*pack_columns)(const float* x, int64_t stride, int64_t count, int64_t k, float* panel);
  // out[r * stride + c] = the chain over i of a[r * row_stride + i * step] * panel[i * columns + c], starting from 0
  // or, unless it is the first part of the chain, from the contents of out. r < rows, c < count <= columns.
  void (*product)(const float* a, int64_t row_stride, int64_t step, int64_t rows, const float* panel, int64_t k,
                  int64_t count, float* out, int64_t stride, bool first);
  // out[i] = q . x[at[i]], or q . x[i] without `at`; -infinity if at[i] is negative.
  void (*dots)(const float* q, const float* x, int64_t k, const int32_t* at, int64_t n, float* out);
  // out = the chain over i of weights[i] x[at[i]], without terms whose weight is 0 or whose at[i] is negative.
  void (*gather_sum)(const float* weights, const int32_t* at, int64_t n, const float* x, int64_t k, float* out);
  // Row at[t * step] - first of out += weight x[t] for t < n, in order, without terms whose at[t] is negative; out has
  // rows of k.
  void (*scatter_sum)(float weight, const int32_t* at, int64_t step, int64_t n, const float* x, int64_t k,
                      int64_t first, float* out);
  // The chain over i of values[i] * dense[ids[i]], and dense[ids[i]] += weight values[i], for distinct terms.
  float (*sparse_dot)(const float* dense, const int32_t* ids, const float* values, int64_t n);
  void (*sparse_add)(float weight, const int32_t* ids, const float* values, int64_t n, float* dense);
  // The largest element of each column of products [rows, columns], and its row, the first among equals, counted from
  // `first`. Unless these are the first rows, best and winner hold the result of the rows before. NaN counts as
  // largest.
  void (*largest)(const float* products, int64_t rows, int32_t first, bool begins, float* best, int32_t* winner);
  // u = x / |x|; all 0 for a zero vector and all NaN for one that is not finite. Squares cannot overflow.
  InverseNorm (*normalise)(const float* x, int64_t k, float* u);
  // Converts a gradient with respect to u, times scale, to one with respect to x, and writes or adds it to out from
  // element `begin` on, which may be where `grad` is. u: null if nothing was normalised. Overwrites `grad`; scratch holds
  // k floats.
  void (*finish)(float* grad, const float* u, InverseNorm inverse, float scale, int64_t k, MutableScores out,
                 int64_t begin, bool accumulate, float* scratch);

  TableKernels tables;
};

}  // namespace scoring
}  // namespace ckl
