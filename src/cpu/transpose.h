// Transposes sixteen rows to columns of sixteen and back, four columns at a time.
//
// Row quarters are gathered so that lane 4 b + i of vector i holds row 4 b + i: inserting 128 bits from memory is cheap
// everywhere, and only a 4 x 4 transpose within each 128 bits remains.
#pragma once
#include "../core/batch.h"
#include "vec.h"

namespace ckl {
namespace {

// Sixteen rows in one array: row j starts at element begin[j]. Size: bytes per element.
template <int Size, class Byte>
struct RowSet {
  Byte* base;
  const int64_t* begin;
  CKL_FN float* at(int j, int64_t column) const { return (float*)(base + begin[j] * Size) + column; }
};

// Transposes 4 x 4 within each 128 bits; its own inverse.
#define CKL_UNPACK_LOW(j) (((j) & ~3) + ((j) >> 1 & 1) + ((j)&1 ? kPieceLanes : 0))
#define CKL_UNPACK_HIGH(j) (CKL_UNPACK_LOW(j) + 2)
#define CKL_PAIR_LOW(j) ((j)&2 ? kPieceLanes + (j)-2 : (j))
#define CKL_PAIR_HIGH(j) ((j)&2 ? kPieceLanes + (j) : (j) + 2)
CKL_FN void transpose_quads(F* x) {
  const F a = CKL_SHUFFLE(x[0], x[1], CKL_UNPACK_LOW), b = CKL_SHUFFLE(x[2], x[3], CKL_UNPACK_LOW);
  const F c = CKL_SHUFFLE(x[0], x[1], CKL_UNPACK_HIGH), d = CKL_SHUFFLE(x[2], x[3], CKL_UNPACK_HIGH);
  x[0] = CKL_SHUFFLE(a, b, CKL_PAIR_LOW);
  x[1] = CKL_SHUFFLE(a, b, CKL_PAIR_HIGH);
  x[2] = CKL_SHUFFLE(c, d, CKL_PAIR_LOW);
  x[3] = CKL_SHUFFLE(c, d, CKL_PAIR_HIGH);
}

// Transposes n elements of each of 16 rows to n columns of 16, Stride elements apart. Reads nothing outside the rows.
template <int Stride = kLanes, class Rows>
CKL_FN void rows_to_columns(const Rows rows, float* columns, int64_t n) {
  if (n < 4) {
    for (int64_t c = 0; c < n; c++)
      for (int j = 0; j < kLanes; j++) memcpy(columns + c * Stride + j, rows.at(j, c), 4);
    return;
  }
  for (int64_t i = 0; i < n; i += 4) {
    const int64_t c = i + 4 <= n ? i : n - 4;
    for (int k = 0; k < kLanes; k += kPieceLanes) {
      F x[4];
      CKL_UNROLL for (int r = 0; r < 4; r++) x[r] = gather_quads(rows, k + r, c);
      transpose_quads(x);
      CKL_UNROLL for (int r = 0; r < 4; r++) store_piece(columns + (c + r) * Stride + k, x[r]);
    }
  }
}

// Transposes 4 * Count columns, starting at column c, back to rows. All quarters of a row's cache line are stored one
// after the other, so that the line is fetched once.
template <int Count, class Rows>
CKL_FN void quads_to_rows(const float* columns, const Rows rows, int64_t c) {
  for (int k = 0; k < kLanes; k += kPieceLanes) {
    F x[Count][4];
    CKL_UNROLL for (int q = 0; q < Count; q++) {
      CKL_UNROLL for (int r = 0; r < 4; r++) x[q][r] = load_piece(columns + (c + 4 * q + r) * kLanes + k);
      transpose_quads(x[q]);
    }
    CKL_UNROLL for (int r = 0; r < 4; r++) CKL_UNROLL for (int q = 0; q < Count; q++)
        scatter_quads(x[q][r], rows, k + r, c + 4 * q);
  }
}

// The reverse, to the first `live` rows. Writes nothing outside them.
template <class Rows>
CKL_FN void columns_to_rows(const float* columns, const Rows rows, int64_t n, int live) {
  if (n < 4 || live < kLanes) {
    for (int j = 0; j < live; j++)
      for (int64_t c = 0; c < n; c++) *rows.at(j, c) = columns[c * kLanes + j];
    return;
  }
  constexpr int kTogether = kPieceLanes == 16 ? 4 : 2;
  int64_t c = 0;
  for (; c + 4 * kTogether <= n; c += 4 * kTogether) quads_to_rows<kTogether>(columns, rows, c);
  for (; c < n; c += 4) quads_to_rows<1>(columns, rows, c + 4 <= n ? c : n - 4);
}

// Packs n labels of each of 16 rows, four per word and lane; missing labels of the last word are padding.
CKL_FN void labels_to_columns(const RowSet<1, const char> rows, uint8_t* words, int64_t n) {
  const int64_t whole = n / 4, c = whole * 4;
  rows_to_columns(rows, (float*)words, whole);
  if (c == n) return;
  words += whole * 4 * kLanes;
  memset(words, kPadding, 4 * kLanes);
  for (int j = 0; j < kLanes; j++)
    for (int64_t i = c; i < n; i++) words[4 * j + (i - c)] = (uint8_t)rows.base[rows.begin[j] + i];
}

// Counts positives and padding per lane, over ceil(n / 4) words.
CKL_FN void count_columns(const uint8_t* words, int64_t n, V& positives, V& padding) {
  const I ones = splat(0x01010101);
  I p = splat(0), m = splat(0);  // four byte counters per lane, each at most 32
  for (int64_t c = 0; c < n; c += 4, words += 4 * kLanes) {
    const I w = load_bits(words), high = shift_right<7>(w) & ones;
    m = m + high;
    p = p + (w & ones) - high;  // 255 has both bits set
  }
  const I low = splat(0xff);
  const auto total = [&](I x) {
    return to_float(((x & low) + (shift_right<8>(x) & low)) +
                    ((shift_right<16>(x) & low) + (shift_right<24>(x) & low)));
  };
  positives = total(p);
  padding = total(m);
}

// Clears the bit for positives in padding.
CKL_FN void clear_padding(uint8_t* words, int64_t n) {
  for (int64_t c = 0; c < n; c += 4, words += 4 * kLanes) {
    const I w = load_bits(words);
    store_bits(words, w - (shift_right<7>(w) & splat(0x01010101)));
  }
}

}  // namespace
}  // namespace ckl
