// Ranks of a row, and the rank bias made of them.
#pragma once
#include "kernel.h"
#include "scratch.h"
#include "vec.h"

namespace ckl {
namespace {

// Up to here every document is compared with every other; beyond, sorting wins.
constexpr int64_t kCompareAllRanks = 192;

// Competition ranks of n scores; 0 for masked documents. labels may be null. scratch: 4 n + 6144 words.
inline void fresh_ranks(const float* s, const uint8_t* labels, int64_t n, uint32_t* ranks, float* scratch) {
  if (n > kCompareAllRanks) return cpu::radix_ranks(s, labels, n, ranks, (uint32_t*)scratch);
  float* padded = scratch;  // blocks may read past the row
  memset(padded, 0, sizeof(float) * (kCompareAllRanks + kLanes));
  memcpy(padded, s, sizeof(float) * (size_t)n);
  for (int64_t i = 0; i < n; i += kLanes) {
    const V mine = load(padded + i);
    V rank(1.0f);
    for (int64_t j = 0; j < n; j++) {
      if (labels && labels[j] == kPadding) continue;
      rank = masked_add(V(s[j]) > mine, rank, V(1.0f));
    }
    for (int64_t k = i; k < n && k < i + kLanes; k++)
      ranks[k] = labels && labels[k] == kPadding ? 0 : (uint32_t)rank[(int)(k - i)];
  }
}

template <class T>
inline void inverse_ranks(const T* ranks, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i++) out[i] = 1.0f / (float)ranks[i];  // 1 / infinity = 0
}

inline void inverse_ranks(Ranks ranks, int64_t begin, int64_t n, float* out) {
  switch (ranks.type) {
    case RankType::u8: return inverse_ranks((const uint8_t*)ranks.data + begin, n, out);
    case RankType::u16: return inverse_ranks((const uint16_t*)ranks.data + begin, n, out);
    case RankType::u32: return inverse_ranks((const uint32_t*)ranks.data + begin, n, out);
    case RankType::i32: return inverse_ranks((const int32_t*)ranks.data + begin, n, out);
    case RankType::f32: return inverse_ranks((const float*)ranks.data + begin, n, out);
    case RankType::none: return;
  }
}

// 1 / rank of every document of a row, from the ranks given or of the scores.
inline void row_inverse_ranks(const cpu::Task& task, const Scratch& scratch, const float* s, int64_t begin, int64_t n,
                              const uint8_t* labels, float* out) {
  if (task.batch.ranks) return inverse_ranks(task.batch.ranks, begin, n, out);
  uint32_t* ranks = (uint32_t*)scratch.sorting();
  fresh_ranks(s, labels, n, ranks, scratch.sorting() + round_up(n));
  inverse_ranks(ranks, n, out);
}

// 1 / rank - mean over the positives of 1 / rank, in place of 1 / rank. 0 without positives.
inline void centre_on_positives(float* inverse, const uint8_t* labels, int64_t n) {
  double sum = 0;
  int64_t positives = 0;
  for (int64_t i = 0; i < n; i++)
    if (labels[i] == kPositive) sum += inverse[i], positives++;
  const float mean = positives ? (float)(sum / (double)positives) : 0.0f;
  for (int64_t i = 0; i < n; i++) inverse[i] = positives ? inverse[i] - mean : 0.0f;
}

}  // namespace
}  // namespace ckl
