// Counts labels: reads every byte once, with the widest vectors of the machine.
#pragma once
#include "kernel.h"
#include "vec.h"

namespace ckl {
namespace {

// The number of ones among n labels that are all 0 or 1.
CKL_FN int64_t count_positives(const uint8_t* y, int64_t n) {
  int64_t i = 0, count = 0;
  for (; i + kPositiveBlock <= n; i += kPositiveBlock) count += positive_block(y + i);
  for (; i + 8 <= n; i += 8) count += __builtin_popcountll(eight_labels(y + i));
  for (; i < n; i++) count += y[i];
  return count;
}

// Up to seven labels in the bytes of a word, lowest byte first, the rest 0 (negative). Read as overlapping groups of
// four.
CKL_FN uint64_t few_labels(const uint8_t* y, int64_t n) {
  if (n < 4) return n <= 0 ? 0 : (uint64_t)y[0] | (uint64_t)y[n / 2] << 8 * (n / 2) | (uint64_t)y[n - 1] << 8 * (n - 1);
  uint32_t first, last;
  memcpy(&first, y, 4), memcpy(&last, y + n - 4, 4);
  return first | (uint64_t)last << 8 * (n - 4);
}

CKL_FN LabelCount count_labels(const uint8_t* y, int64_t n) {
  LabelCount c;
  int64_t i = 0;
  for (; i + kLabelBlock <= n; i += kLabelBlock) count_block(y + i, c);
  for (; i + 16 <= n; i += 16) count_sixteen(y + i, 0xffff, c);
  if (i == n) return c;
  if (n >= 16) {
    count_sixteen(y + n - 16, 0xffffu << (16 - (n - i)) & 0xffff, c);
  } else {
    const uint64_t x[2] = {n < 8 ? few_labels(y, n) : eight_labels(y),
                           n <= 8 ? 0 : eight_labels(y + n - 8) >> 8 * (16 - n)};
    count_sixteen((const uint8_t*)x, 0xffff, c);
  }
  return c;
}

// Calls body(i) for each of n labels that is 1.
template <class Body>
CKL_FN void each_positive(const uint8_t* y, int64_t n, Body body) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)  // padding has this bit set, too
    for (uint64_t found = eight_labels(y + i) & 0x0101010101010101; found; found &= found - 1) {
      const int64_t k = i + __builtin_ctzll(found) / 8;
      if (y[k] == kPositive) body(k);
    }
  for (; i < n; i++)
    if (y[i] == kPositive) body(i);
}

// n without the padding at the end of the row.
CKL_FN int64_t length_without_padding(const uint8_t* y, int64_t n) {
  for (; n >= 8; n -= 8) {
    const uint64_t other = ~eight_labels(y + n - 8);
    if (other) return n - __builtin_clzll(other) / 8;
  }
  return n == 0 ? 0 : n - __builtin_clzll(~(few_labels(y, n) << 8 * (8 - n))) / 8;
}

// Whether every label is 0 or 1.
CKL_FN bool are_binary(const uint8_t* y, int64_t n) {
  int64_t i = 0;
  I seen = splat(0);
  for (; i + 64 <= n; i += 64) seen = seen | load_bits(y + i);
  uint64_t rest = 0;
  if (n >= 8) {
    for (; i + 8 <= n; i += 8) rest |= eight_labels(y + i);
    rest |= eight_labels(y + n - 8);
  }
  for (; n < 8 && i < n; i++) rest |= y[i];
  return !any(bit_set(seen, (int32_t)0xfefefefe)) && !(rest & 0xfefefefefefefefe);
}

// Whether any of n labels is 1, given that all are 0 or 1.
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

// needs_both: whether to count with_both.
inline cpu::LabelTally tally_labels(const Rows& rows, const uint8_t* labels, int64_t first, int64_t last,
                                    bool needs_both) {
  cpu::LabelTally t;
  // Rows without gaps are checked in one go: most batches have no padding, and then only a positive has to be found.
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
