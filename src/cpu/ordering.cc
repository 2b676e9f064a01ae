// Sorts a row: relevance levels for pairwise losses, and competition ranks of long rows. Portable code without vectors.
#include <string.h>

#include <algorithm>

#include "../losses/gain.h"
#include "kernel.h"

namespace ckl {
namespace cpu {

namespace {

float relevance_of(const float* relevance, const uint8_t* labels, int32_t i) {
  return relevance ? relevance[i] : float(labels[i] == kPositive);
}

// Ascending keys are descending scores; -0 and 0 share a key.
uint32_t descending_key(float score) {
  const float x = score + 0.0f;
  uint32_t u;
  memcpy(&u, &x, 4);
  return u & 0x80000000 ? u : ~u & 0x7fffffff;
}

}  // namespace

int64_t order_by_relevance(const float* relevance, const uint8_t* labels, int64_t n, int32_t* order) {
  // The keys also order NaN. The order does not matter, because the result of a row with NaN is NaN.
  uint64_t* keys = reinterpret_cast<uint64_t*>(order + (n + n % 2));
  int64_t m = 0;
  for (int64_t i = 0; i < n; i++)
    if (labels[i] != kPadding)
      keys[m++] = uint64_t(descending_key(relevance_of(relevance, labels, int32_t(i)))) << 32 | uint64_t(i);
  std::sort(keys, keys + m);
  for (int64_t k = 0; k < m; k++) order[k] = int32_t(keys[k] & 0xffffffff);
  return m;
}

IdealDcg ideal_dcg(const float* levels, double inverse_temperature, const int32_t* order, int64_t m, int64_t k) {
  IdealDcg ideal = {0, 0};
  if (m == 0 || !(levels[order[0]] > 0)) return ideal;
  ideal.top = double(levels[order[0]]) * inverse_temperature;
  for (int64_t r = 0; r < k; r++)
    ideal.dcg += gain(double(levels[order[r]]) * inverse_temperature, ideal.top) * discount(double(r + 1));
  return ideal;
}

int64_t ordered_pairs(const float* relevance, const uint8_t* labels, int64_t n, int32_t* order) {
  if (!relevance) {
    uint32_t positives = 0, negatives = 0;  // rows have fewer than 2^31 documents
    for (int64_t i = 0; i < n; i++) positives += labels[i] == kPositive, negatives += labels[i] == 0;
    return int64_t(positives) * int64_t(negatives);
  }
  const int64_t m = order_by_relevance(relevance, labels, n, order);
  int64_t pairs = m * (m - 1) / 2;
  for (int64_t first = 0, i = 1; i <= m; i++) {
    const bool level_ends =
        i == m || relevance_of(relevance, labels, order[i]) != relevance_of(relevance, labels, order[first]);
    if (!level_ends) continue;
    pairs -= (i - first) * (i - first - 1) / 2;
    first = i;
  }
  return pairs;
}

void radix_ranks(const float* scores, const uint8_t* labels, int64_t n, uint32_t* ranks, uint32_t* scratch) {
  struct Item {
    uint32_t key, index;
  };
  constexpr int kBits = 11, kBuckets = 1 << kBits;
  Item* from = reinterpret_cast<Item*>(scratch);
  Item* to = from + n;
  uint32_t* histogram = scratch + 4 * n;  // three histograms
  memset(histogram, 0, sizeof(uint32_t) * 3 * kBuckets);
  int64_t m = 0;
  for (int64_t i = 0; i < n; i++) {
    ranks[i] = 0;
    if (labels && labels[i] == kPadding) continue;
    const uint32_t key = descending_key(scores[i]);
    from[m++] = {key, uint32_t(i)};
    for (int pass = 0; pass < 3; pass++) histogram[pass * kBuckets + (key >> (pass * kBits) & (kBuckets - 1))]++;
  }
  for (int pass = 0; pass < 3; pass++) {
    uint32_t* place = histogram + pass * kBuckets;
    for (uint32_t sum = 0, bucket = 0; bucket < kBuckets; bucket++) {
      const uint32_t count = place[bucket];
      place[bucket] = sum;
      sum += count;
    }
    for (int64_t i = 0; i < m; i++) to[place[from[i].key >> (pass * kBits) & (kBuckets - 1)]++] = from[i];
    std::swap(from, to);
  }
  for (int64_t i = 0, first = 0; i < m; i++) {
    if (from[i].key != from[first].key) first = i;
    ranks[from[i].index] = uint32_t(first + 1);
  }
}

}  // namespace cpu
}  // namespace ckl
