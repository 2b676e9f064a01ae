// Sixteen rows to columns of sixteen and back, four columns at a time.
//
// Row quarters are gathered so that lane 4 b + i of vector i holds row 4 b + i: inserting 128 bits from memory is cheap
// everywhere, and what is left is a 4 x 4 transpose within each 128 bits.
#pragma once
#include "vec.h"

namespace ckl {
namespace {

typedef float Quad __attribute__((vector_size(16)));
typedef float QuadUnaligned __attribute__((vector_size(16), aligned(4), may_alias));

// rows[0], rows[4], rows[8] ... at column c, 128 bits each.
CKL_FN F gather_quads(const float* const* rows, int64_t c) {
#if defined __AVX512F__
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(rows[0] + c));
  x = _mm512_insertf32x4(x, _mm_loadu_ps(rows[4] + c), 1);
  x = _mm512_insertf32x4(x, _mm_loadu_ps(rows[8] + c), 2);
  return (F)_mm512_insertf32x4(x, _mm_loadu_ps(rows[12] + c), 3);
#elif defined __AVX2__
  return (F)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows[0] + c)), _mm_loadu_ps(rows[4] + c), 1);
#else
  return load_piece(rows[0] + c);
#endif
}
CKL_FN void scatter_quads(F x, float* const* rows, int64_t c, int live) {
#if defined __AVX512F__
  if (live > 0) _mm_storeu_ps(rows[0] + c, _mm512_castps512_ps128((__m512)x));
  if (live > 4) _mm_storeu_ps(rows[4] + c, _mm512_extractf32x4_ps((__m512)x, 1));
  if (live > 8) _mm_storeu_ps(rows[8] + c, _mm512_extractf32x4_ps((__m512)x, 2));
  if (live > 12) _mm_storeu_ps(rows[12] + c, _mm512_extractf32x4_ps((__m512)x, 3));
#elif defined __AVX2__
  if (live > 0) _mm_storeu_ps(rows[0] + c, _mm256_castps256_ps128((__m256)x));
  if (live > 4) _mm_storeu_ps(rows[4] + c, _mm256_extractf128_ps((__m256)x, 1));
#else
  if (live > 0) store_piece(rows[0] + c, x);
#endif
}

// 4 x 4 within each 128 bits; its own inverse.
#define CKL_UNPACK_LOW(j) (((j) & ~3) + ((j) >> 1 & 1) + ((j) & 1 ? kPieceLanes : 0))
#define CKL_UNPACK_HIGH(j) (CKL_UNPACK_LOW(j) + 2)
#define CKL_PAIR_LOW(j) ((j) & 2 ? kPieceLanes + (j) - 2 : (j))
#define CKL_PAIR_HIGH(j) ((j) & 2 ? kPieceLanes + (j) : (j) + 2)
CKL_FN void transpose_quads(F* x) {
  const F a = CKL_SHUFFLE(x[0], x[1], CKL_UNPACK_LOW), b = CKL_SHUFFLE(x[2], x[3], CKL_UNPACK_LOW);
  const F c = CKL_SHUFFLE(x[0], x[1], CKL_UNPACK_HIGH), d = CKL_SHUFFLE(x[2], x[3], CKL_UNPACK_HIGH);
  x[0] = CKL_SHUFFLE(a, b, CKL_PAIR_LOW), x[1] = CKL_SHUFFLE(a, b, CKL_PAIR_HIGH);
  x[2] = CKL_SHUFFLE(c, d, CKL_PAIR_LOW), x[3] = CKL_SHUFFLE(c, d, CKL_PAIR_HIGH);
}

// n elements from each of 16 rows to n columns of 16. Reads nothing outside the rows.
CKL_FN void rows_to_columns(const float* const* rows, float* columns, int64_t n) {
  if (n < 4) {
    for (int64_t c = 0; c < n; c++)
      for (int j = 0; j < kLanes; j++) columns[c * kLanes + j] = rows[j][c];
    return;
  }
  for (int k = 0; k < kPieces; k++, rows += kPieceLanes, columns += kPieceLanes)
    for (int64_t i = 0; i < n; i += 4) {
      const int64_t c = i + 4 <= n ? i : n - 4;
      F x[4];
      CKL_UNROLL for (int r = 0; r < 4; r++) x[r] = gather_quads(rows + r, c);
      transpose_quads(x);
      CKL_UNROLL for (int r = 0; r < 4; r++) store_piece(columns + (c + r) * kLanes, x[r]);
    }
}

// The way back, to the first `live` rows. Writes nothing outside them.
CKL_FN void columns_to_rows(const float* columns, float* const* rows, int64_t n, int live) {
  if (n < 4) {
    for (int64_t c = 0; c < n; c++)
      for (int j = 0; j < live; j++) rows[j][c] = columns[c * kLanes + j];
    return;
  }
  for (int k = 0; k < kPieces; k++, rows += kPieceLanes, columns += kPieceLanes, live -= kPieceLanes)
    for (int64_t i = 0; i < n; i += 4) {
      const int64_t c = i + 4 <= n ? i : n - 4;
      F x[4];
      CKL_UNROLL for (int r = 0; r < 4; r++) x[r] = load_piece(columns + (c + r) * kLanes);
      transpose_quads(x);
      CKL_UNROLL for (int r = 0; r < 4; r++) scatter_quads(x[r], rows + r, c, live - r);
    }
}

// n labels from each of 16 rows, four to a word and lane; what the last word lacks is padding.
CKL_FN void labels_to_columns(const uint8_t* const* rows, uint8_t* words, int64_t n) {
  int64_t c = 0;
  for (; c + 4 <= n; c += 4, words += 4 * kLanes)
    for (int j = 0; j < kLanes; j++) memcpy(words + 4 * j, rows[j] + c, 4);
  if (c == n) return;
  memset(words, 0xff, 4 * kLanes);
  for (int j = 0; j < kLanes; j++)
    for (int64_t i = c; i < n; i++) words[4 * j + (i - c)] = rows[j][i];
}

// Positives and paddings of each lane, over ceil(n / 4) words.
CKL_FN void count_columns(const uint8_t* words, int64_t n, V& positives, V& padding) {
  const I ones = splat(0x01010101);
  I p = splat(0), m = splat(0);  // four byte counters a lane: at most 32 each
  for (int64_t c = 0; c < n; c += 4, words += 4 * kLanes) {
    const I w = load_bits(words), high = shift_right<7>(w) & ones;
    m = m + high;
    p = p + (w & ones) - high;  // 255 has both bits
  }
  const I low = splat(0xff);
  const auto total = [&](I x) {
    return to_float(((x & low) + (shift_right<8>(x) & low)) + ((shift_right<16>(x) & low) + (shift_right<24>(x) & low)));
  };
  positives = total(p), padding = total(m);
}

}  // namespace
}  // namespace ckl
