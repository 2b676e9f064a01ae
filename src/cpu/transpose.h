// Sixteen rows to columns of sixteen and back, by square blocks of the native width.
#pragma once
#include "vec.h"

namespace ckl {
namespace {

// Rounds of block swaps: after the round of width w, blocks of w x w stand transposed.
#define CKL_LOW(j, w) ((j) & (w) ? kPieceLanes + (j) - (w) : (j))
#define CKL_HIGH(j, w) ((j) & (w) ? kPieceLanes + (j) : (j) + (w))
#define CKL_LOW1(j) CKL_LOW(j, 1)
#define CKL_HIGH1(j) CKL_HIGH(j, 1)
#define CKL_LOW2(j) CKL_LOW(j, 2)
#define CKL_HIGH2(j) CKL_HIGH(j, 2)
#define CKL_LOW4(j) CKL_LOW(j, 4)
#define CKL_HIGH4(j) CKL_HIGH(j, 4)
#define CKL_LOW8(j) CKL_LOW(j, 8)
#define CKL_HIGH8(j) CKL_HIGH(j, 8)
#define CKL_ROUND(w)                                         \
  CKL_UNROLL for (int i = 0; i < kPieceLanes; i++) if (!(i & w)) { \
    const F a = r[i], b = r[i + w];                          \
    r[i] = CKL_SHUFFLE(a, b, CKL_LOW##w);                    \
    r[i + w] = CKL_SHUFFLE(a, b, CKL_HIGH##w);               \
  }
CKL_FN void transpose(F* r) {
  CKL_ROUND(1) CKL_ROUND(2)
#if defined __AVX2__
  CKL_ROUND(4)
#endif
#if defined __AVX512F__
  CKL_ROUND(8)
#endif
}
#undef CKL_ROUND
#define CKL_EACH_LANE CKL_UNROLL for (int i = 0; i < kPieceLanes; i++)

// n elements from each of 16 rows to n columns of 16. Reads nothing outside the rows.
CKL_FN void rows_to_columns(const float* const* rows, float* columns, int n) {
  F r[kPieceLanes];
  for (int k = 0; k < kPieces; k++, rows += kPieceLanes, columns += kPieceLanes) {
    if (n < kPieceLanes) {
      CKL_EACH_LANE r[i] = load_first(rows[i], n);
      transpose(r);
      CKL_EACH_LANE if (i < n) store_piece(columns + i * kLanes, r[i]);
      continue;
    }
    for (int c = 0; c < n; c += kPieceLanes) {
      const int at = c + kPieceLanes <= n ? c : n - kPieceLanes;
      CKL_EACH_LANE r[i] = load_piece(rows[i] + at);
      transpose(r);
      CKL_EACH_LANE store_piece(columns + (at + i) * kLanes, r[i]);
    }
  }
}

// The way back, to the first `live` rows. Writes nothing outside them.
CKL_FN void columns_to_rows(const float* columns, float* const* rows, int n, int live) {
  F r[kPieceLanes];
  for (int k = 0; k < kPieces; k++, rows += kPieceLanes, columns += kPieceLanes, live -= kPieceLanes) {
    if (n < kPieceLanes) {
      CKL_EACH_LANE r[i] = load_piece(columns + (i < n ? i : 0) * kLanes);
      transpose(r);
      CKL_EACH_LANE if (i < live) store_first(rows[i], r[i], n);
      continue;
    }
    for (int c = 0; c < n; c += kPieceLanes) {
      const int at = c + kPieceLanes <= n ? c : n - kPieceLanes;
      CKL_EACH_LANE r[i] = load_piece(columns + (at + i) * kLanes);
      transpose(r);
      CKL_EACH_LANE if (i < live) store_piece(rows[i] + at, r[i]);
    }
  }
}

// n labels from each of 16 rows, four to a word and lane; what the last word lacks is padding.
CKL_FN void labels_to_columns(const uint8_t* const* rows, uint8_t* words, int n) {
  for (int c = 0; c < n; c += 4, words += 4 * kLanes)
    for (int j = 0; j < kLanes; j++) {
      uint32_t w = 0xffffffff;
      if (c + 4 <= n) memcpy(&w, rows[j] + c, 4);
      else memcpy(&w, rows[j] + c, (size_t)(n - c));
      memcpy(words + 4 * j, &w, 4);
    }
}

// Positives and paddings of each lane, over ceil(n / 4) words.
CKL_FN void count_labels(const uint8_t* words, int n, V& positives, V& padding) {
  const I ones = splat(0x01010101);
  I p = splat(0), m = splat(0);  // four byte counters a lane: at most 32 each
  for (int c = 0; c < n; c += 4, words += 4 * kLanes) {
    const I w = load_bits(words), high = shift_right<7>(w) & ones;
    m = m + high;
    p = p + (w & ones) - high;  // 255 has both bits
  }
  const I low = splat(0xff);
  positives = to_float(((p & low) + (shift_right<8>(p) & low)) + ((shift_right<16>(p) & low) + (shift_right<24>(p) & low)));
  padding = to_float(((m & low) + (shift_right<8>(m) & low)) + ((shift_right<16>(m) & low) + (shift_right<24>(m) & low)));
}

}  // namespace
}  // namespace ckl
