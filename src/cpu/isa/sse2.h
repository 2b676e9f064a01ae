// The x86-64 baseline, SSE2: a vector is four pieces of four floats; no fma, no float16.
#pragma once
#include "four_lanes.h"
#include "x86.h"

namespace ckl {
namespace {

CKL_FN F fma_piece(F a, F b, F c) { return a * b + c; }
CKL_FN F root_piece(F x) { return (F)_mm_sqrt_ps((__m128)x); }

CKL_FN bool any_lane(PieceMask m) { return _mm_movemask_epi8((__m128i)m) != 0; }
CKL_FN bool any_lane_of(PieceMask x, PieceMask y) { return any_lane(x | y); }

CKL_FN void widen_labels(const uint8_t* y, N (&v)[kPieces]) {
  const __m128i zero = _mm_setzero_si128(), x = _mm_loadu_si128((const __m128i*)y);
  const __m128i low = _mm_unpacklo_epi8(x, zero), high = _mm_unpackhi_epi8(x, zero);
  v[0] = (N)_mm_unpacklo_epi16(low, zero);
  v[1] = (N)_mm_unpackhi_epi16(low, zero);
  v[2] = (N)_mm_unpacklo_epi16(high, zero);
  v[3] = (N)_mm_unpackhi_epi16(high, zero);
}
CKL_FN void positive_mask(const uint8_t* y, PieceMask (&m)[kPieces]) {
  N v[kPieces];
  widen_labels(y, v);
  CKL_PIECES m[k] = bits_set(v[k], 1);
}
CKL_FN void widen_words(const uint16_t* h, N (&v)[kPieces]) {
  const __m128i zero = _mm_setzero_si128();
  for (int k = 0; k < 2; k++) {
    const __m128i x = _mm_loadu_si128((const __m128i*)(h + 8 * k));
    v[2 * k] = (N)_mm_unpacklo_epi16(x, zero);
    v[2 * k + 1] = (N)_mm_unpackhi_epi16(x, zero);
  }
}
CKL_FN void high_halves(const N (&v)[kPieces], uint16_t* h) {
  for (int k = 0; k < 2; k++)
    _mm_storeu_si128((__m128i*)(h + 8 * k),
                     _mm_packs_epi32(_mm_srai_epi32((__m128i)v[2 * k], 16), _mm_srai_epi32((__m128i)v[2 * k + 1], 16)));
}
enum { kLabelBlock = 16 };
CKL_FN void count_block(const uint8_t* y, LabelCount& c) { count_sixteen(y, 0xffff, c); }

CKL_FN float widen_float16(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 31) return word_as_float(sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0));
  if (exponent) return word_as_float(sign | (exponent + 112) << 23 | mantissa << 13);
  if (!mantissa) return word_as_float(sign);
  const int lead = __builtin_clz(mantissa) - 21;  // shift that moves the leading one to bit 10
  return word_as_float(sign | (uint32_t)(113 - lead) << 23 | (mantissa << lead & 1023) << 13);
}
CKL_FN uint16_t narrow_float16(float f) {
  const uint32_t u = float_as_word(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
  if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
  if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00);  // rounds past 65504
  if (a < 0x33000000) return (uint16_t)sign;              // below half the smallest denormal
  const int exponent = (int)(a >> 23);
  const int drop = exponent < 113 ? 126 - exponent : 13;  // mantissa bits to drop
  const uint32_t mantissa = (a & 0x7fffff) | 0x800000;
  const uint32_t kept = mantissa >> drop, rest = mantissa & ((1u << drop) - 1), half = 1u << (drop - 1);
  const uint32_t rounded = kept + (rest > half || (rest == half && (kept & 1)));
  return (uint16_t)(sign | (exponent < 113 ? rounded : rounded + (uint32_t)(exponent - 113) * 1024));
}
enum { kHalfBlock = 1 };
CKL_FN void widen_block(const uint16_t* h, float* to) { *to = widen_float16(*h); }
CKL_FN void narrow_block(const float* from, uint16_t* h) { *h = narrow_float16(*from); }

}  // namespace
}  // namespace ckl
