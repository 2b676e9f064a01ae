// AVX-512 (F, BW, CD, DQ, VL): a vector is one piece of sixteen floats, and masks have registers of their own.
#pragma once
#include "f16c.h"
#include "x86.h"

namespace ckl {
namespace {

CKL_PIECE(64)
#define CKL_LANES CKL_LANES_16

CKL_FN F max_piece(F x, F y) { return (F)_mm512_max_ps((__m512)x, (__m512)y); }
CKL_FN F min_piece(F x, F y) { return (F)_mm512_min_ps((__m512)x, (__m512)y); }
CKL_FN F fma_piece(F a, F b, F c) { return (F)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
CKL_FN F root_piece(F x) { return (F)_mm512_sqrt_ps((__m512)x); }

typedef __mmask16 PieceMask;
CKL_FN PieceMask equal(F x, F y) { return _mm512_cmp_ps_mask((__m512)x, (__m512)y, _CMP_EQ_OQ); }
CKL_FN PieceMask above(F x, F y) { return _mm512_cmp_ps_mask((__m512)x, (__m512)y, _CMP_GT_OQ); }
CKL_FN PieceMask equal_words(N x, N y) { return _mm512_cmpeq_epi32_mask((__m512i)x, (__m512i)y); }
CKL_FN PieceMask above_unsigned(N x, N y) { return _mm512_cmpgt_epu32_mask((__m512i)x, (__m512i)y); }
CKL_FN PieceMask bits_set(N x, int32_t b) { return _mm512_test_epi32_mask((__m512i)x, _mm512_set1_epi32(b)); }
CKL_FN PieceMask mask_and(PieceMask x, PieceMask y) { return (PieceMask)(x & y); }
CKL_FN PieceMask mask_or(PieceMask x, PieceMask y) { return (PieceMask)(x | y); }
CKL_FN PieceMask mask_not(PieceMask x) { return (PieceMask)~x; }
CKL_FN PieceMask lanes_at_least(int first, int n) { return (PieceMask)(0xffffu << (n - first)); }
CKL_FN bool any_lane(PieceMask m) { return m != 0; }
CKL_FN bool any_lane_of(PieceMask x, PieceMask y) { return !_kortestz_mask16_u8(x, y); }
CKL_FN F select_piece(PieceMask m, F a, F b) { return (F)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a); }
CKL_FN F masked_add_piece(PieceMask m, F acc, F x) {
  return (F)_mm512_mask_add_ps((__m512)acc, m, (__m512)acc, (__m512)x);
}

CKL_FN N count_piece(PieceMask m, N n) {
  return (N)_mm512_mask_add_epi32((__m512i)n, m, (__m512i)n, _mm512_set1_epi32(1));
}

CKL_FN F load_first(const float* p, int n) { return (F)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
CKL_FN void store_first(float* p, F x, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x); }

template <class Op>
CKL_FN F fold_piece(F x, Op op) {
  x = op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_8));
  x = op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_4));
  x = op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_2));
  return op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_1));
}

CKL_FN void widen_labels(const uint8_t* y, N (&v)[kPieces]) {
  v[0] = (N)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)y));
}
CKL_FN void positive_mask(const uint8_t* y, PieceMask (&m)[kPieces]) {
  m[0] = _mm_test_epi8_mask(_mm_loadu_si128((const __m128i*)y), _mm_set1_epi8(1));
}
CKL_FN void widen_words(const uint16_t* h, N (&v)[kPieces]) {
  v[0] = (N)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)h));
}
CKL_FN void high_halves(const N (&v)[kPieces], uint16_t* h) {
  _mm256_storeu_si256((__m256i*)h, _mm512_cvtepi32_epi16(_mm512_srli_epi32((__m512i)v[0], 16)));
}
enum { kLabelBlock = 64, kPositiveBlock = 64 };
CKL_FN void count_block(const uint8_t* y, LabelCount& c) {
  const __m512i x = _mm512_loadu_si512(y);
  const uint64_t one = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(1));
  const uint64_t pad = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(-1));
  const uint64_t zero = _mm512_testn_epi8_mask(x, x);
  c.positives += __builtin_popcountll(one);
  c.padding += __builtin_popcountll(pad);
  c.other |= (one | pad | zero) != ~0ull;
}
CKL_FN int64_t positive_block(const uint8_t* y) {
  return __builtin_popcountll(_mm512_test_epi8_mask(_mm512_loadu_si512(y), _mm512_set1_epi8(1)));
}

template <class Rows>
CKL_FN F gather_quads(const Rows& rows, int j, int64_t c) {
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(rows.at(j, c)));
  x = _mm512_insertf32x4(x, _mm_loadu_ps(rows.at(j + 4, c)), 1);
  x = _mm512_insertf32x4(x, _mm_loadu_ps(rows.at(j + 8, c)), 2);
  return (F)_mm512_insertf32x4(x, _mm_loadu_ps(rows.at(j + 12, c)), 3);
}
template <class Rows>
CKL_FN void scatter_quads(F x, const Rows& rows, int j, int64_t c) {
  _mm_storeu_ps(rows.at(j, c), _mm512_castps512_ps128((__m512)x));
  _mm_storeu_ps(rows.at(j + 4, c), _mm512_extractf32x4_ps((__m512)x, 1));
  _mm_storeu_ps(rows.at(j + 8, c), _mm512_extractf32x4_ps((__m512)x, 2));
  _mm_storeu_ps(rows.at(j + 12, c), _mm512_extractf32x4_ps((__m512)x, 3));
}

}  // namespace
}  // namespace ckl
