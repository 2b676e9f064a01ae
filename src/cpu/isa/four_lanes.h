// Code shared by the instruction sets with registers of four floats.
#pragma once
#include "piece.h"
#include "word_mask.h"

namespace ckl {
namespace {

CKL_PIECE(16)
#define CKL_LANES CKL_LANES_4

CKL_FN F max_piece(F x, F y) { return x > y ? x : y; }
CKL_FN F min_piece(F x, F y) { return x < y ? x : y; }

CKL_WORD_MASKS

CKL_FN F load_first(const float* p, int n) {
  float x[kPieceLanes] = {0};
  for (int i = 0; i < n; i++) x[i] = p[i];
  return *(const FUnaligned*)x;
}
CKL_FN void store_first(float* p, F x, int n) {
  for (int i = 0; i < n; i++) p[i] = x[i];
}

template <class Op>
CKL_FN F fold_piece(F x, Op op) {
  x = op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_2));
  return op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_1));
}

enum { kPositiveBlock = 8 };
CKL_FN int64_t positive_block(const uint8_t* y) { return __builtin_popcountll(eight_labels(y)); }

template <class Rows>
CKL_FN F gather_quads(const Rows& rows, int j, int64_t c) {
  return *(const FUnaligned*)rows.at(j, c);
}
template <class Rows>
CKL_FN void scatter_quads(F x, const Rows& rows, int j, int64_t c) {
  *(FUnaligned*)rows.at(j, c) = x;
}

}  // namespace
}  // namespace ckl
