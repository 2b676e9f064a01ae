// float16 by the F16C instructions, which every machine with AVX2 has.
#pragma once
#include <immintrin.h>

#include "piece.h"

namespace ckl {
namespace {

CKL_FN float widen_float16(uint16_t h) { return _cvtsh_ss(h); }
CKL_FN uint16_t narrow_float16(float f) { return (uint16_t)_cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT); }

enum { kHalfBlock = 8 };
CKL_FN void widen_block(const uint16_t* h, float* to) {
  _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)h)));
}
CKL_FN void narrow_block(const float* from, uint16_t* h) {
  _mm_storeu_si128((__m128i*)h, _mm256_cvtps_ph(_mm256_loadu_ps(from), _MM_FROUND_TO_NEAREST_INT));
}

}  // namespace
}  // namespace ckl
