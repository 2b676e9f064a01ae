// Ranks of a row, and the rank bias computed from them.
#pragma once
#include "buckets.h"
#include "kernel.h"
#include "labels.h"
#include "layout.h"
#include "scratch.h"

namespace ckl {
namespace {

// Up to the first length, every document is compared with every other. For longer rows, buckets are faster if scores
// are spread out; otherwise rows are compared up to the second length, and sorted beyond it.
constexpr int64_t kCompareFirst = 128, kCompareAllRanks = 256;

// Ranks `Blocks` times sixteen documents among n.
template <int Blocks>
CKL_FN void compare_with_all(const float* scores, int64_t n, const float* mine, uint32_t* ranks) {
  V x[Blocks];
  I rank[Blocks];
  CKL_UNROLL for (int k = 0; k < Blocks; k++) x[k] = load(mine + k * kLanes), rank[k] = splat(1);
  for (int64_t j = 0; j < n; j++) {
    const V other(scores[j]);
    CKL_UNROLL for (int k = 0; k < Blocks; k++) rank[k] = count(other > x[k], rank[k]);
  }
  CKL_UNROLL for (int k = 0; k < Blocks; k++) store_bits(ranks + k * kLanes, rank[k]);
}

// Competition ranks of n <= kCompareAllRanks scores, in `scratch`; undefined for padding and past the end of the row.
// labels may be null. scratch: twice kCompareAllRanks + kLanes words. Ranks stay integers because GCC would keep float
// counters in memory.
inline const uint32_t* compare_all_ranks(const float* s, const uint8_t* labels, int64_t n, float* scratch) {
  uint32_t* const ranks = (uint32_t*)(scratch + kCompareAllRanks + kLanes);
  if (n > 0) memcpy(scratch, s, sizeof(float) * (size_t)n);  // empty arrays may have no address
  for (int64_t i = 0; labels && i < n; i++)
    if (labels[i] == kPadding) scratch[i] = -__builtin_inff();  // above nothing
  store(scratch + n, V(0.0f));
  // As many at once as fit in registers: each score is loaded once for all of them.
  constexpr int kTogether = kPieces == 1 ? 4 : kPieces == 2 ? 2 : 1;
  int64_t i = 0;
  for (; i + (kTogether - 1) * kLanes < n; i += kTogether * kLanes)
    compare_with_all<kTogether>(scratch, n, scratch + i, ranks + i);
  for (; i < n; i += kLanes) compare_with_all<1>(scratch, n, scratch + i, ranks + i);
  return ranks;
}

// Competition ranks of n scores, somewhere in `scratch`; undefined for padding and past the end of the row. labels may
// be null. scratch: 5 n + 6144 words, with n rounded up to a multiple of 16.
inline const uint32_t* row_ranks(const float* s, const uint8_t* labels, int64_t n, float* scratch) {
  if (n <= kCompareFirst) return compare_all_ranks(s, labels, n, scratch);
  uint32_t* const ranks = (uint32_t*)scratch;
  if (n <= kBucketsLongest && bucket_ranks(s, labels, n, ranks, scratch + round_up(n))) return ranks;
  if (n <= kCompareAllRanks) return compare_all_ranks(s, labels, n, scratch);
  cpu::radix_ranks(s, labels, n, ranks, ranks + round_up(n));
  return ranks;
}

// The same, with 0 for padding.
inline void fresh_ranks(const float* s, const uint8_t* labels, int64_t n, uint32_t* ranks, float* scratch) {
  const uint32_t* found = row_ranks(s, labels, n, scratch);
  for (int64_t i = 0; i < n; i++) ranks[i] = labels && labels[i] == kPadding ? 0 : found[i];
}

// Sixteen given ranks as floats.
CKL_FN V load_ranks(const uint8_t* r) { return to_float(load_labels(r)); }
CKL_FN V load_ranks(const uint16_t* r) { return to_float(load_words(r)); }
CKL_FN V load_ranks(const uint32_t* r) { return any_to_float(load_bits(r)); }
CKL_FN V load_ranks(const int32_t* r) { return any_to_float(load_bits(r)); }
CKL_FN V load_ranks(const float* r) { return load(r); }

// Calls body(i, p) for every sixteen of n values, where p points to them, or to a copy padded with ones if fewer are
// left.
template <class T, class Body>
CKL_FN void each_sixteen(const T* values, int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, values + i);
  if (i == n) return;
  T rest[kLanes];
  for (int k = 0; k < kLanes; k++) rest[k] = 1;
  memcpy(rest, values + i, sizeof(T) * (size_t)(n - i));
  body(i, (const T*)rest);
}

// Calls visit with a typed pointer to the given ranks, starting at element `begin`.
template <class Visit>
CKL_FN void visit_ranks(Ranks ranks, int64_t begin, Visit visit) {
  switch (ranks.type) {
    case RankType::u8: return visit((const uint8_t*)ranks.data + begin);
    case RankType::u16: return visit((const uint16_t*)ranks.data + begin);
    case RankType::u32: return visit((const uint32_t*)ranks.data + begin);
    case RankType::i32: return visit((const int32_t*)ranks.data + begin);
    case RankType::f32: return visit((const float*)ranks.data + begin);
    case RankType::none: return;
  }
}

// 1 / rank of every document of a row, from the given ranks or from the scores. Writes up to 15 floats past the row.
inline void row_inverse_ranks(const cpu::Task& task, const Scratch& scratch, const float* s, int64_t begin, int64_t n,
                              const uint8_t* labels, float* out) {
  const V one(1.0f);
  if (task.batch.ranks) {
    visit_ranks(task.batch.ranks, begin, [&](auto ranks) {
      // 1 / infinity = 0
      each_sixteen(ranks, n, [&](int64_t i, auto r) { store(out + i, one / load_ranks(r)); });
    });
    return;
  }
  const uint32_t* ranks = row_ranks(s, labels, n, scratch.sorting());
  for (int64_t i = 0; i < n; i += kLanes) store(out + i, one / load_ranks(ranks + i));
}

// Subtracts the positives' mean of 1 / rank from 1 / rank, in place; 0 if there are no positives. sum: the positives'
// sum of 1 / rank.
inline void centre_on(float* inverse, int64_t n, double sum, double positives) {
  const V mean(positives > 0 ? (float)(sum / positives) : 0.0f);
  const M some = positives > 0 ? lanes_from(0) : lanes_from(kLanes);
  for (int64_t i = 0; i < n; i += kLanes) store(inverse + i, select(some, load(inverse + i) - mean, V(0.0f)));
}
inline void centre_on_positives(float* inverse, const uint8_t* labels, int64_t n) {
  double sum = 0;
  int64_t positives = 0;
  each_positive(labels, n, [&](int64_t i) { sum += inverse[i], positives++; });
  centre_on(inverse, n, sum, (double)positives);
}

// Whether all ranks and all beta of rows [first, last) are allowed; labels are 0, 1 or 255. most: the largest allowed
// beta.
template <class T>
CKL_FN M wrong_ranks(const T* r) {
  return load_ranks(r) == V(0.0f);
}
CKL_FN M wrong_ranks(const int32_t* r) {
  const I x = load_bits(r);
  return bit_set(x, (int32_t)0x80000000) | (x == splat(0));
}
CKL_FN M wrong_ranks(const float* r) { return ~(load(r) > V(0.99999994f)); }

// wrong(p, labels): the mask of invalid ones among sixteen values. Padding may hold anything.
template <class T, class Wrong>
CKL_FN bool all_right(const T* values, const uint8_t* labels, int64_t n, Wrong wrong) {
  M any_wrong = lanes_from(kLanes);
  each_sixteen(values, n, [&](int64_t i, const T* p) {
    uint8_t rest[kLanes];
    const uint8_t* y = labels + i;
    if (n - i < kLanes) memset(rest, kPadding, kLanes), memcpy(rest, y, (size_t)(n - i)), y = rest;
    const I label = load_labels(y);
    any_wrong = any_wrong | (wrong(p, label) & ~bit_set(label, 0x80));
  });
  return !any(any_wrong);
}

inline bool bias_allowed(const Batch& batch, float most, int64_t first, int64_t last) {
  bool right = true;
  const auto look = [&](int64_t begin, int64_t n) {
    const uint8_t* labels = batch.labels + begin;
    visit_ranks(batch.ranks, begin,
                [&](auto ranks) { right &= all_right(ranks, labels, n, [](auto r, I) { return wrong_ranks(r); }); });
    if (batch.beta)
      right &= all_right(batch.beta + begin, labels, n, [&](const float* p, I label) {
        const V beta = load(p);
        return (label == splat(0)) & ((beta > V(most)) | ~(beta > -infinity()));
      });
  };
  const Rows& rows = batch.rows;
  if (rows.offsets || rows.stride == rows.docs) look(rows.begin(first), rows.documents(first, last));
  else
    for (int64_t b = first; b < last; b++) look(rows.begin(b), rows.length(b));
  return right;
}

}  // namespace
}  // namespace ckl
