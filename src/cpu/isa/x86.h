// Code shared by all x86-64 targets: sixteen labels with SSE2, and the floating-point mode.
#pragma once
#include <immintrin.h>

#include "piece.h"

namespace ckl {
namespace {

// 16 labels; bit i of `live` is set if label i counts.
CKL_FN void count_sixteen(const uint8_t* y, unsigned live, LabelCount& c) {
  const __m128i x = _mm_loadu_si128((const __m128i*)y);
  const unsigned one = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(1))) & live;
  const unsigned pad = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(-1))) & live;
  const unsigned zero = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_setzero_si128())) & live;
  c.positives += __builtin_popcount(one);
  c.padding += __builtin_popcount(pad);
  c.other |= (int64_t)(live & ~(one | pad | zero));
}

typedef unsigned FloatMode;
constexpr FloatMode kFlushDenormals = 0x8040;
CKL_FN FloatMode read_float_mode() { return _mm_getcsr(); }
CKL_FN void write_float_mode(FloatMode mode) { _mm_setcsr(mode); }

}  // namespace
}  // namespace ckl
