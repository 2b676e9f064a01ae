// The border between the instruction-set independent scoring code and its kernels, compiled once per instruction set.
#pragma once
#include "../core/batch.h"

namespace ckl {
namespace scoring {

// What normalising a row leaves for its backward pass: 1 / |x|; 0 for a zero vector, NaN for a row that is not finite.
typedef float InverseNorm;

// Rows of tables: of words' vectors, of their gradients and moments. Products and sums are rounded one after the other and
// nothing is fused, so that all machines agree. Row i is at table + i * width.
struct TableKernels {
  int64_t rows;  // of a full tile

  // out = the sum over i of factors[i] * table[ids[i]], in order.
  void (*sum)(const float* table, int64_t width, const int32_t* ids, const float* factors, int64_t n, float* out);
  // out[r][c] = the sum over i < k of a[r][i * step] * columns[i * stride + c], in order, begun at 0 or, unless it is the
  // first, at what out[r] holds; c < count. Of `rows` rows, at most those of a full tile.
  void (*product)(const float* const* a, int64_t step, int64_t rows, const float* columns, int64_t stride, int64_t k,
                  int64_t count, float* const* out, bool first);
  // A sum in each of four lanes, then (0 + 1) + (2 + 3); of a width that is a multiple of four.
  float (*dot)(const float* a, const float* b, int64_t width);
  // A step of Adam; the gradient is then 0. rate: the learning rate over the first moment's correction; correction: one
  // over that of the second.
  void (*adam)(float* parameters, float* gradient, float* first, float* second, int64_t width, float rate,
               float correction);
  // worth[t] = strength * max(0, cosines[t])^2, of a multiple of sixteen.
  void (*worth)(const float* cosines, float strength, int64_t n, float* worth);
  // Of sixteen columns of n rows of `worth` at places: the largest of factors[i] * worth[places[i]], at least 0, and the
  // first i that has it, -1 where it is 0.
  void (*best)(const float* worth, int64_t stride, const int32_t* places, const float* factors, int64_t n,
               float* values, int32_t* which);
};

// All vectors are float32 rows of k elements. A sum is one chain of fused multiply-adds in the order of its terms, whatever
// the tile, the thread or the instruction set.
struct Kernels {
  int64_t columns;  // of a panel
  int64_t rows;     // of a full tile

  // Up to `columns` rows of x as the columns of a panel of k: panel[i * columns + c] = x[c * stride + i].
  void (*pack_rows)(const float* x, int64_t stride, int64_t count, int64_t k, float* panel);
  // Up to `columns` columns of k rows: panel[i * columns + c] = x[i * stride + c], and 0 for what is not finite: a
  // weight of 0 then keeps it out of a sum, and a weight of NaN does not need it.
  void (*pack_columns)(const float* x, int64_t stride, int64_t count, int64_t k, float* panel);
  // out[r * stride + c] = the chain over i of a[r * row_stride + i * step] * panel[i * columns + c], begun at 0 or, unless
  // it is the first part of the chain, at what out holds. r < rows, c < count <= columns.
  void (*product)(const float* a, int64_t row_stride, int64_t step, int64_t rows, const float* panel, int64_t k,
                  int64_t count, float* out, int64_t stride, bool first);
  // out[i] = q . x[at[i]], or q . x[i] without `at`; -infinity where at[i] is negative.
  void (*dots)(const float* q, const float* x, int64_t k, const int32_t* at, int64_t n, float* out);
  // out = the chain over i of weights[i] x[at[i]], without the terms of weight 0 and those where at[i] is negative.
  void (*gather_sum)(const float* weights, const int32_t* at, int64_t n, const float* x, int64_t k, float* out);
  // Row at[t * step] - first of out += weight x[t] for t < n, in order, without the terms where at is negative; out has
  // rows of k.
  void (*scatter_sum)(float weight, const int32_t* at, int64_t step, int64_t n, const float* x, int64_t k,
                      int64_t first, float* out);
  // The chain over i of values[i] * dense[ids[i]], and dense[ids[i]] += weight values[i], for terms that differ.
  float (*sparse_dot)(const float* dense, const int32_t* ids, const float* values, int64_t n);
  void (*sparse_add)(float weight, const int32_t* ids, const float* values, int64_t n, float* dense);
  // The largest of each column of products [rows, columns], and its row, the first among equals, counted from `first`.
  // Unless these rows begin, best and winner hold those of the rows before. NaN counts as largest.
  void (*largest)(const float* products, int64_t rows, int32_t first, bool begins, float* best, int32_t* winner);
  // u = x / |x|; all 0 for a zero vector and all NaN for one that is not finite. Squares cannot overflow.
  InverseNorm (*normalise)(const float* x, int64_t k, float* u);
  // A gradient with respect to u, times scale, as one with respect to x, written or added to element `begin` of out and on.
  // u: null where nothing was normalised. Changes `grad`; scratch holds k floats.
  void (*finish)(float* grad, const float* u, InverseNorm inverse, float scale, int64_t k, MutableScores out,
                 int64_t begin, bool accumulate, float* scratch);

  TableKernels tables;
};

}  // namespace scoring
}  // namespace ckl
