// Counting labels: one look at every byte, as wide as the machine allows.
#pragma once
#include "kernel.h"
#include "vec.h"

namespace ckl {
namespace {

struct LabelCount {
  int64_t positives = 0, padding = 0, other = 0;  // other: neither 0, 1 nor 255
};

// 16 labels; bit i of `live` says whether label i counts.
CKL_FN void count_16(const uint8_t* y, unsigned live, LabelCount& c) {
#if defined __x86_64__
  const __m128i x = _mm_loadu_si128((const __m128i*)y);
  const unsigned one = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(1))) & live;
  const unsigned pad = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(-1))) & live;
  const unsigned zero = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_setzero_si128())) & live;
  c.positives += __builtin_popcount(one), c.padding += __builtin_popcount(pad);
  c.other |= (int64_t)(live & ~(one | pad | zero));
#else
  for (int i = 0; i < 16; i++)
    if (live >> i & 1) c.positives += y[i] == 1, c.padding += y[i] == 255, c.other |= y[i] > 1 && y[i] != 255;
#endif
}

CKL_FN uint64_t eight_labels(const uint8_t* y) {
  uint64_t w;
  memcpy(&w, y, 8);
  return w;
}

// How many of n labels, all of them 0 or 1, are 1.
CKL_FN int64_t count_positives(const uint8_t* y, int64_t n) {
  int64_t i = 0, count = 0;
#if defined __AVX512BW__
  for (; i + 64 <= n; i += 64)
    count += __builtin_popcountll(_mm512_test_epi8_mask(_mm512_loadu_si512(y + i), _mm512_set1_epi8(1)));
#endif
  for (; i + 8 <= n; i += 8) count += __builtin_popcountll(eight_labels(y + i));
  for (; i < n; i++) count += y[i];
  return count;
}

CKL_FN LabelCount count_labels(const uint8_t* y, int64_t n) {
  LabelCount c;
  int64_t i = 0;
#if defined __AVX512BW__
  for (; i + 64 <= n; i += 64) {
    const __m512i x = _mm512_loadu_si512(y + i);
    const uint64_t one = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(1));
    const uint64_t pad = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(-1));
    const uint64_t zero = _mm512_testn_epi8_mask(x, x);
    c.positives += __builtin_popcountll(one), c.padding += __builtin_popcountll(pad);
    c.other |= (one | pad | zero) != ~0ull;
  }
#elif defined __AVX2__
  for (; i + 32 <= n; i += 32) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(y + i));
    const unsigned one = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(1)));
    const unsigned pad = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(-1)));
    const unsigned zero = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256()));
    c.positives += __builtin_popcount(one), c.padding += __builtin_popcount(pad);
    c.other |= (one | pad | zero) != ~0u;
  }
#elif defined __aarch64__
  for (; i + 16 <= n; i += 16) {
    const uint8x16_t x = vld1q_u8(y + i), lsb = vdupq_n_u8(1);
    const uint8x16_t one = vceqq_u8(x, lsb), pad = vceqq_u8(x, vdupq_n_u8(255)), zero = vceqzq_u8(x);
    c.positives += vaddlvq_u8(vandq_u8(one, lsb)), c.padding += vaddlvq_u8(vandq_u8(pad, lsb));
    c.other |= vminvq_u8(vorrq_u8(vorrq_u8(one, pad), zero)) == 0;
  }
#endif
  for (; i + 16 <= n; i += 16) count_16(y + i, 0xffff, c);
  if (i == n) return c;
  if (n >= 16) {
    count_16(y + n - 16, 0xffffu << (16 - (n - i)) & 0xffff, c);
  } else {
    uint8_t x[16];
    for (int64_t k = 0; k < n; k++) x[k] = y[k];
    for (int64_t k = n; k < 16; k++) x[k] = 0;
    count_16(x, 0xffff, c);
  }
  return c;
}

// Whether every label is 0 or 1.
CKL_FN bool are_binary(const uint8_t* y, int64_t n) {
  int64_t i = 0;
  I seen = splat(0);
  for (; i + 64 <= n; i += 64) seen = seen | load_bits(y + i);
  bool binary = !any(bit_set(seen, (int32_t)0xfefefefe));
  for (; i < n; i++) binary &= y[i] <= 1;
  return binary;
}

// Whether n labels, all of them 0 or 1, hold a 1.
CKL_FN bool has_positive(const uint8_t* y, int64_t n) {
  if (n < 8) {
    bool any = false;
    for (int64_t i = 0; i < n; i++) any |= y[i] != 0;
    return any;
  }
  for (int64_t i = 0; i + 16 <= n; i += 16)
    if (eight_labels(y + i) | eight_labels(y + i + 8)) return true;
  return n % 16 && (eight_labels(y + n - 8) | eight_labels(y + (n - n % 16 + 8 <= n ? n - n % 16 : n - 8)));
}

// needs_both: whether with_both is asked for.
inline cpu::LabelTally tally_labels(const Rows& rows, const uint8_t* labels, int64_t first, int64_t last,
                                    bool needs_both) {
  cpu::LabelTally t;
  // Rows without gaps are looked at in one go; most batches have no padding, and then a positive is all to look for.
  const bool dense = rows.offsets || rows.stride == rows.docs;
  if (dense && !needs_both && first < last && are_binary(labels + rows.begin(first), rows.documents(first, last))) {
    t.binary = true;
    for (int64_t b = first; b < last; b++) {
      const int64_t n = rows.length(b);
      t.with_document += n > 0;
      t.with_positive += has_positive(labels + rows.begin(b), n);
    }
    return t;
  }
  for (int64_t b = first; b < last; b++) {
    const int64_t n = rows.length(b);
    const LabelCount c = count_labels(labels + rows.begin(b), n);
    const int64_t documents = n - c.padding;
    t.with_document += documents > 0;
    t.with_positive += c.positives > 0;
    t.with_both += c.positives > 0 && documents > c.positives;
    if (c.other) t.invalid = b;
  }
  return t;
}

}  // namespace
}  // namespace ckl
