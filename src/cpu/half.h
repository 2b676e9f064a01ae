// bfloat16 and float16 to float and back: widening is exact, narrowing rounds to nearest even, NaN stays NaN.
#pragma once
#include "../core/batch.h"
#include "vec.h"

namespace ckl {
namespace {

CKL_FN float widen_bfloat16(uint16_t h) { return word_as_float((uint32_t)h << 16); }
CKL_FN uint16_t narrow_bfloat16(float f) {
  const uint32_t u = float_as_word(f);
  if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
  return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

// The same, with the result in the upper halves of words.
CKL_FN I rounded_to_bfloat16(V f) {
  const I u = bits(f), even = shift_right<16>(u) & splat(1);
  const V rounded = from_bits(u + splat(0x7fff) + even), quiet = from_bits(u | splat(0x400000));
  return bits(select(f == f, rounded, quiet));
}

// Converts n elements of any type to floats.
inline void widen(Scores from, int64_t begin, float* to, int64_t n) {
  if (n == 0) return;
  const uint16_t* h = (const uint16_t*)from.data + begin;
  int64_t i = 0;
  if (from.type == DType::float32) {
    memcpy(to, (const float*)from.data + begin, (size_t)n * 4);
  } else if (from.type == DType::bfloat16) {
    for (; i + kLanes <= n; i += kLanes) store_bits(to + i, shift_left<16>(load_words(h + i)));
    for (; i < n; i++) to[i] = widen_bfloat16(h[i]);
  } else {
    for (; i + kHalfBlock <= n; i += kHalfBlock) widen_block(h + i, to + i);
    for (; i < n; i++) to[i] = widen_float16(h[i]);
  }
}

inline void narrow(const float* from, MutableScores to, int64_t begin, int64_t n) {
  if (n == 0) return;
  uint16_t* h = (uint16_t*)to.data + begin;
  int64_t i = 0;
  if (to.type == DType::float32) {
    float* const floats = (float*)to.data + begin;
    if (floats != from) memcpy(floats, from, (size_t)n * 4);
  } else if (to.type == DType::bfloat16) {
    for (; i + kLanes <= n; i += kLanes) store_high_halves(h + i, rounded_to_bfloat16(load(from + i)));
    for (; i < n; i++) h[i] = narrow_bfloat16(from[i]);
  } else {
    for (; i + kHalfBlock <= n; i += kHalfBlock) narrow_block(from + i, h + i);
    for (; i < n; i++) h[i] = narrow_float16(from[i]);
  }
}

}  // namespace
}  // namespace ckl
