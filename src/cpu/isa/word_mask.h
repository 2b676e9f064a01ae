// Masks for machines without mask registers: one word per lane, all ones or all zeros. Included by the files of those
// instruction sets.
#pragma once
#include "piece.h"

#define CKL_WORD_MASKS                                                                              \
  typedef N PieceMask;                                                                              \
  CKL_FN PieceMask equal(F x, F y) { return x == y; }                                               \
  CKL_FN PieceMask above(F x, F y) { return x > y; }                                                \
  CKL_FN PieceMask equal_words(N x, N y) { return x == y; }                                         \
  CKL_FN PieceMask above_unsigned(N x, N y) { return (N)((U)x > (U)y); }                            \
  CKL_FN PieceMask bits_set(N x, int32_t b) { return (x & b) != 0; }                                \
  CKL_FN PieceMask mask_and(PieceMask x, PieceMask y) { return x & y; }                             \
  CKL_FN PieceMask mask_or(PieceMask x, PieceMask y) { return x | y; }                              \
  CKL_FN PieceMask mask_not(PieceMask x) { return ~x; }                                             \
  CKL_FN PieceMask lanes_at_least(int first, int n) { return N{CKL_LANES(CKL_LANE)} + first >= n; } \
  CKL_FN N count_piece(PieceMask m, N n) { return n - m; }                                          \
  CKL_FN F select_piece(PieceMask m, F a, F b) { return m ? a : b; }                                \
  CKL_FN F masked_add_piece(PieceMask m, F acc, F x) { return acc + (F)((N)x & m); }
