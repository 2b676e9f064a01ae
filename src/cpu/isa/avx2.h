// AVX2 with FMA and F16C: a vector is two pieces of eight floats.
#pragma once
#include "f16c.h"
#include "word_mask.h"
#include "x86.h"

namespace ckl {
namespace {

CKL_PIECE(32)
#define CKL_LANES CKL_LANES_8

CKL_FN F max_piece(F x, F y) { return (F)_mm256_max_ps((__m256)x, (__m256)y); }
CKL_FN F min_piece(F x, F y) { return (F)_mm256_min_ps((__m256)x, (__m256)y); }
CKL_FN F fma_piece(F a, F b, F c) { return (F)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
CKL_FN F root_piece(F x) { return (F)_mm256_sqrt_ps((__m256)x); }

CKL_WORD_MASKS
CKL_FN bool any_lane(PieceMask m) { return !_mm256_testz_si256((__m256i)m, (__m256i)m); }
CKL_FN bool any_lane_of(PieceMask x, PieceMask y) { return any_lane(x | y); }

CKL_FN F load_first(const float* p, int n) {
  const N lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return (F)_mm256_maskload_ps(p, (__m256i)(lane < n));
}
CKL_FN void store_first(float* p, F x, int n) {
  const N lane = {0, 1, 2, 3, 4, 5, 6, 7};
  _mm256_maskstore_ps(p, (__m256i)(lane < n), (__m256)x);
}

template <class Op>
CKL_FN F fold_piece(F x, Op op) {
  x = op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_4));
  x = op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_2));
  return op(x, CKL_SHUFFLE(x, x, CKL_LANE_XOR_1));
}

CKL_FN void widen_labels(const uint8_t* y, N (&v)[kPieces]) {
  CKL_PIECES v[k] = (N)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)(y + k * kPieceLanes)));
}
CKL_FN void positive_mask(const uint8_t* y, PieceMask (&m)[kPieces]) {
  N v[kPieces];
  widen_labels(y, v);
  CKL_PIECES m[k] = bits_set(v[k], 1);
}
CKL_FN void widen_words(const uint16_t* h, N (&v)[kPieces]) {
  CKL_PIECES v[k] = (N)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)(h + k * kPieceLanes)));
}
CKL_FN void high_halves(const N (&v)[kPieces], uint16_t* h) {
  const __m256i x = _mm256_packs_epi32(_mm256_srai_epi32((__m256i)v[0], 16), _mm256_srai_epi32((__m256i)v[1], 16));
  _mm256_storeu_si256((__m256i*)h, _mm256_permute4x64_epi64(x, 0xd8));
}
enum { kLabelBlock = 32, kPositiveBlock = 8 };
CKL_FN void count_block(const uint8_t* y, LabelCount& c) {
  const __m256i x = _mm256_loadu_si256((const __m256i*)y);
  const unsigned one = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(1)));
  const unsigned pad = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(-1)));
  const unsigned zero = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256()));
  c.positives += __builtin_popcount(one);
  c.padding += __builtin_popcount(pad);
  c.other |= (one | pad | zero) != ~0u;
}
CKL_FN int64_t positive_block(const uint8_t* y) { return __builtin_popcountll(eight_labels(y)); }

template <class Rows>
CKL_FN F gather_quads(const Rows& rows, int j, int64_t c) {
  return (F)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows.at(j, c))), _mm_loadu_ps(rows.at(j + 4, c)),
                                 1);
}
template <class Rows>
CKL_FN void scatter_quads(F x, const Rows& rows, int j, int64_t c) {
  _mm_storeu_ps(rows.at(j, c), _mm256_castps256_ps128((__m256)x));
  _mm_storeu_ps(rows.at(j + 4, c), _mm256_extractf128_ps((__m256)x, 1));
}

}  // namespace
}  // namespace ckl
