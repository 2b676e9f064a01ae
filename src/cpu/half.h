// bfloat16 and float16 to float and back: widening is exact, narrowing rounds to nearest even, NaN stays NaN.
#pragma once
#include "../core/batch.h"
#include "vec.h"

namespace ckl {
namespace {

CKL_FN float word_as_float(uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}
CKL_FN uint32_t float_as_word(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}

CKL_FN float widen_bfloat16(uint16_t h) { return word_as_float((uint32_t)h << 16); }
CKL_FN uint16_t narrow_bfloat16(float f) {
  const uint32_t u = float_as_word(f);
  if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
  return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

#if defined __F16C__
CKL_FN float widen_float16(uint16_t h) { return _cvtsh_ss(h); }
CKL_FN uint16_t narrow_float16(float f) { return (uint16_t)_cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT); }
#elif defined __aarch64__
CKL_FN float widen_float16(uint16_t h) {
  __fp16 x;
  memcpy(&x, &h, 2);
  return x;
}
CKL_FN uint16_t narrow_float16(float f) {
  const __fp16 x = (__fp16)f;
  uint16_t h;
  memcpy(&h, &x, 2);
  return h;
}
#else
CKL_FN float widen_float16(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 31) return word_as_float(sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0));
  if (exponent) return word_as_float(sign | (exponent + 112) << 23 | mantissa << 13);
  if (!mantissa) return word_as_float(sign);
  const int lead = __builtin_clz(mantissa) - 21;  // shift that brings the leading one to bit 10
  return word_as_float(sign | (uint32_t)(113 - lead) << 23 | (mantissa << lead & 1023) << 13);
}
CKL_FN uint16_t narrow_float16(float f) {
  const uint32_t u = float_as_word(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
  if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
  if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00);  // rounds past 65504
  if (a < 0x33000000) return (uint16_t)sign;              // below half the smallest denormal
  const int exponent = (int)(a >> 23);
  const int drop = exponent < 113 ? 126 - exponent : 13;  // mantissa bits that go
  const uint32_t mantissa = (a & 0x7fffff) | 0x800000;
  const uint32_t kept = mantissa >> drop, rest = mantissa & ((1u << drop) - 1), half = 1u << (drop - 1);
  const uint32_t rounded = kept + (rest > half || (rest == half && (kept & 1)));
  return (uint16_t)(sign | (exponent < 113 ? rounded : rounded + (uint32_t)(exponent - 113) * 1024));
}
#endif

// n elements of any type to floats.
inline void widen(Scores from, int64_t begin, float* to, int64_t n) {
  if (n == 0) return;
  const uint16_t* h = (const uint16_t*)from.data + begin;
  int64_t i = 0;
  if (from.type == DType::float32) {
    memcpy(to, (const float*)from.data + begin, (size_t)n * 4);
  } else if (from.type == DType::bfloat16) {
    for (; i < n; i++) to[i] = widen_bfloat16(h[i]);
  } else {
#if defined __F16C__
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(h + i))));
#elif defined __aarch64__
    for (; i + 4 <= n; i += 4) vst1q_f32(to + i, vcvt_f32_f16(vld1_f16((const __fp16*)(h + i))));
#endif
    for (; i < n; i++) to[i] = widen_float16(h[i]);
  }
}

inline void narrow(const float* from, MutableScores to, int64_t begin, int64_t n) {
  if (n == 0) return;
  uint16_t* h = (uint16_t*)to.data + begin;
  int64_t i = 0;
  if (to.type == DType::float32) {
    memcpy((float*)to.data + begin, from, (size_t)n * 4);
  } else if (to.type == DType::bfloat16) {
    for (; i < n; i++) h[i] = narrow_bfloat16(from[i]);
  } else {
#if defined __F16C__
    for (; i + 8 <= n; i += 8)
      _mm_storeu_si128((__m128i*)(h + i), _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#elif defined __aarch64__
    for (; i + 4 <= n; i += 4) vst1_f16((__fp16*)(h + i), vcvt_f16_f32(vld1q_f32(from + i)));
#endif
    for (; i < n; i++) h[i] = narrow_float16(from[i]);
  }
}

}  // namespace
}  // namespace ckl
