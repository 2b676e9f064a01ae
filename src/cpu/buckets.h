// Competition ranks of a long row by buckets: scores fall into buckets of equal width, best first, and a document is compared with
// those that lie near it in this order. Several times as fast as sorting if scores are spread out, as they usually are.
#pragma once
#include "labels.h"
#include "layout.h"

namespace ckl {
namespace {

// Beyond this many documents in a bucket, sorting is faster.
constexpr int32_t kFullestBucket = 32;
// Bucket numbers are computed as floats, which must hold them exactly.
constexpr int64_t kBucketsLongest = 1 << 21;

// Takes 4 n words plus a few hundred.
struct BucketScratch {
  int64_t buckets;
  uint32_t* bucket;  // bucket of each document, later its place in the order
  uint32_t* start;   // start of each bucket, later the ranks in that order
  float* order;      // scores sorted by bucket, with padding on both sides
  BucketScratch(int64_t n, float* words)
      : buckets(n),
        bucket((uint32_t*)words),
        start(bucket + n),
        order((float*)(start + buckets + kLanes) + kFullestBucket) {}
};

// Calls body(i) for each vector of n >= 16 elements; the last vector may overlap the one before.
template <class Body>
CKL_FN void each_block(int64_t n, Body body) {
  for (int64_t i = 0; i + kLanes <= n; i += kLanes) body(i);
  if (n % kLanes) body(n - kLanes);
}

// Competition ranks: 1 + the number of higher scores. Ranks of padding are undefined. Returns false, with undefined
// ranks, if scores are too unevenly spread, infinite or NaN. labels may be null. 128 <= n <= kBucketsLongest. scratch:
// 4 n + 128 words.
inline bool bucket_ranks(const float* s, const uint8_t* labels, int64_t n, uint32_t* ranks, float* scratch) {
  const BucketScratch w(n, scratch);
  const auto masked = [&](int64_t i) __attribute__((always_inline)) {
    return labels ? bit_set(load_labels(labels + i), 0x80) : lanes_from(kLanes);
  };
  V highest = -infinity(), lowest = infinity(), not_finite(0.0f);
  each_block(
      n, [&](int64_t i) __attribute__((always_inline)) {
        const M none = masked(i);
        const V x = load(s + i);
        highest = max(highest, select(none, -infinity(), x)), lowest = min(lowest, select(none, infinity(), x));
        not_finite = not_finite + select(none, V(0.0f), x - x);
      });
  const float high = max_lanes(highest)[0], low = -max_lanes(-lowest)[0];
  const float scale = (float)(w.buckets - 1) / (high - low);
  // The scale is infinite if all scores are equal, and NaN if there are none.
  if (!(sum_lanes(not_finite)[0] == 0 && scale > 0 && scale < __builtin_inff())) return false;

  memset(w.start, 0, sizeof(uint32_t) * (size_t)(w.buckets + kLanes));
  const V top(high), bottom(low), by(scale), shifter(8388608.0f);
  each_block(
      n, [&](int64_t i) __attribute__((always_inline)) {
        const V x = select(masked(i), bottom, load(s + i));  // padding ranks above no document
        store_bits(w.bucket + i, bits((top - x) * by + shifter) - splat(0x4b000000));
      });
  for (int64_t i = 0; i < n; i++) w.start[w.bucket[i]]++;
  uint32_t before = 0, most = 0;
  for (int64_t k = 0; k <= w.buckets; k++) {
    const uint32_t here = w.start[k];
    w.start[k] = before, before += here;
    most = here > most ? here : most;
  }
  if (most > kFullestBucket) return false;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t place = w.start[w.bucket[i]]++;
    w.bucket[i] = place;
    w.order[place] = labels && labels[i] == kPadding ? low : s[i];
  }
  for (int64_t k = 0; k < kFullestBucket + kLanes; k++) w.order[n + k] = -__builtin_inff();
  for (int64_t k = 1; k <= kFullestBucket; k++) w.order[-k] = __builtin_inff();

  uint32_t* const ranked = w.start;
  static constexpr int32_t kPlaces[kLanes] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  I place = load_bits(kPlaces);
  for (int64_t k = 0; k < n; k += kLanes, place = place + splat(kLanes)) {
    const V x = load(w.order + k);
    I higher_behind = splat(0), not_higher_before = splat(0);
    for (int64_t d = 1; d <= (int64_t)most; d++) {
      higher_behind = count(load(w.order + k + d) > x, higher_behind);
      not_higher_before = count(~(load(w.order + k - d) > x), not_higher_before);
    }
    store_bits(ranked + k, place + higher_behind - not_higher_before);
  }
  for (int64_t i = 0; i < n; i++) ranks[i] = ranked[w.bucket[i]];
  return true;
}

}  // namespace
}  // namespace ckl
