// Before a mean: counts the weighted queries of each term, by which the row kernels scale gradients; or counts query by
// query, for a mean over the queries of several ranks.
#pragma once
#include "listwise.cuh"
#include "reduce.cuh"

namespace ckl {
namespace cuda {

// The facts about a query that follow from its labels, as bits.
constexpr unsigned kAnyDocument = 1, kAnyPositive = 2, kAnyNegative = 4;

// For four labels in a word.
CKL_DEVICE unsigned label_bits(uint32_t w) {
  const uint32_t positive = w & ~(w >> 7) & 0x01010101u, negative = ~w & 0x01010101u, valid = ~w & 0x80808080u;
  return (valid ? kAnyDocument : 0) | (positive ? kAnyPositive : 0) | (negative ? kAnyNegative : 0);
}

// For labels [from, to), at most 16; all 16 only at a multiple of 16 bytes.
CKL_DEVICE unsigned label_bits(const uint8_t* labels, int64_t from, int64_t to) {
  if (to - from == 16) {
    const uint4 w = __ldcs(reinterpret_cast<const uint4*>(labels + from));
    return label_bits(w.x) | label_bits(w.y) | label_bits(w.z) | label_bits(w.w);
  }
  unsigned found = 0;
  for (int64_t i = from; i < to; i++) found |= label_bits(0xffffff00u | labels[i]);
  return found;
}

// Reads a row's labels until everything wanted has been seen, usually near the beginning. All lanes of the warp take
// part.
CKL_DEVICE unsigned scan_labels(const uint8_t* labels, Lanes& team, const Row& row, unsigned wanted) {
  const unsigned first = threadIdx.x % kWarp - team.rank();
  const uint32_t mine = (team.width == kWarp ? kAll : (1u << team.width) - 1) << first;
  const int64_t end = row.begin + row.n, step = 16 * int64_t(team.width);
  // Starts at the last multiple of 16 bytes before the row, so that all but the ends of the row is read 16 bytes at a
  // time.
  int64_t base = row.begin - int64_t(reinterpret_cast<uintptr_t>(labels + row.begin) % 16);
  unsigned found = 0;
  bool going = row.n > 0;
  while (__ballot_sync(kAll, going)) {
    const int64_t at = base + 16 * int64_t(team.rank());
    const int64_t from = at < row.begin ? row.begin : at, to = at + 16 < end ? at + 16 : end;
    const unsigned here = going && from < to ? label_bits(labels, from, to) : 0;
    for (unsigned bit = kAnyDocument; bit <= kAnyNegative; bit *= 2)
      if (__ballot_sync(kAll, (here & bit) != 0) & mine) found |= bit;
    base += step;
    going = going && base < end && (found & wanted) != wanted;
  }
  return found;
}

CKL_DEVICE unsigned wanted_for(Needs needs) {
  switch (needs) {
    case Needs::document: return kAnyDocument;
    case Needs::positive: return kAnyPositive;
    default: return kAnyPositive | kAnyNegative;
  }
}

// The number of pairs of different relevance in a query, or whether there is any.
static __device__ __noinline__ double count_ordered(const Task& task, const TaskTerm& term, Lanes& team,
                                                    const Row& row) {
  GeneralRow<Lanes> x{task, team, row, nullptr, nullptr};
  if (task.pair_weighted || term.needs == Needs::gainful_pair) {
    x.count();
    const double pairs = count_term_pairs(x, term);
    return task.pair_weighted ? pairs : double(pairs > 0);
  }
  float level[3] = {-infinity(), -infinity(), 0}, documents = 0;
  for (int64_t i = team.rank(); i < row.n; i += team.size()) {
    const uint8_t y = x.label(i);
    if (y == kPadding) continue;
    const float r = term.needs == Needs::ordered_pair ? relevance_at(task.batch, row.begin + i) : level_at(x, i);
    level[0] = fmaxf(level[0], r);
    level[1] = fmaxf(level[1], -r);
    if (!(r == r)) level[2] = 1;
    documents++;
  }
  team.reduce(level, Max());
  documents = team_sum(team, documents);
  return level[0] > -level[1] || (level[2] > 0 && documents > 1);
}

// Calls body(query, leads, count) for each query: `leads` is true on one lane, and count(k), to be called by all lanes
// of the team, is how often term k counts the query. kOrdered: some term counts pairs of different relevance, which
// labels alone do not determine.
template <bool kOrdered, class Body>
CKL_DEVICE void each_query(const Task& task, Body body) {
  Lanes team{task.launch.width};
  const unsigned lane = threadIdx.x % kWarp;
  unsigned wanted = 0;
  for (int k = 0; k < task.term_count; k++)
    if (!needs_pair(task.terms[k].needs)) wanted |= wanted_for(task.terms[k].needs);
  for (int64_t base = team.index() - lane / team.width; base < task.batch.rows.queries; base += team.count()) {
    const int64_t b = base + lane / team.width;
    const bool here = b < task.batch.rows.queries;
    const Row row = here ? row_of(task.batch.rows, b) : Row{0, 0, 0};
    const unsigned found = wanted ? scan_labels(task.batch.labels, team, row, wanted) : 0;
    body(b, here && team.rank() == 0, [&](int k) {
      const Needs needs = task.terms[k].needs;
      const unsigned need = wanted_for(needs);
      const bool by_pairs = kOrdered && needs_pair(needs);
      return by_pairs ? count_ordered(task, task.terms[k], team, row) : double((found & need) == need);
    });
  }
}

template <bool kOrdered>
CKL_DEVICE void count_terms(const Task& task) {
  char* memory = dynamic_shared();
  BlockTotal* shared = reinterpret_cast<BlockTotal*>(memory);
  double sums[kMaxTerms];
#pragma unroll
  for (int k = 0; k < kMaxTerms; k++) sums[k] = 0;
  each_query<kOrdered>(task, [&](int64_t b, bool speaks, auto count) {
    const double weight = !speaks ? 0 : task.batch.weights ? double(task.batch.weights[b]) : 1;
#pragma unroll
    for (int k = 0; k < kMaxTerms; k++) {
      if (k >= task.term_count) break;
      sums[k] += weight * count(k);
    }
  });
#pragma unroll
  for (int k = 0; k < kMaxTerms; k++) {
    if (k >= task.term_count) break;
    const BlockTotal x = sum_block({sums[k], 0}, shared);
    if (threadIdx.x == 0) task.buffers.weight_sums[k * kMaxBlocks + blockIdx.x] = x.loss;
  }
  if (!is_last_block(task.buffers.ticket, memory)) return;
  for (int k = 0; k < task.term_count; k++) {
    double sum = 0;
    for (unsigned j = threadIdx.x; j < gridDim.x; j += blockDim.x) sum += task.buffers.weight_sums[k * kMaxBlocks + j];
    sum = sum_block({sum, 0}, shared).loss;
    if (threadIdx.x != 0) continue;
    task.buffers.scales[k] = mean_scale(task, k, sum);
  }
}

// For a mean over the queries of several ranks, whose counts are added elsewhere.
template <bool kOrdered>
CKL_DEVICE void list_terms(const Task& task) {
  each_query<kOrdered>(task, [&](int64_t b, bool speaks, auto count) {
    for (int k = 0; k < task.term_count; k++) {
      const double times = count(k);
      if (speaks) task.buffers.summands[k * task.batch.rows.queries + b] = times;
    }
  });
}

// Registers at most: 64
static __global__ void __launch_bounds__(kCountThreads, 4) count_queries(CKL_PARAMETER Task task) {
  count_terms<false>(task);
}

// Registers at most: 128
static __global__ void __launch_bounds__(kCountThreads, 2) count_ordered_queries(CKL_PARAMETER Task task) {
  count_terms<true>(task);
}

// Registers at most: 64
static __global__ void __launch_bounds__(kCountThreads, 4) list_counts(CKL_PARAMETER Task task) {
  list_terms<false>(task);
}

// Registers at most: 128
static __global__ void __launch_bounds__(kCountThreads, 2) list_ordered_counts(CKL_PARAMETER Task task) {
  list_terms<true>(task);
}

}  // namespace cuda
}  // namespace ckl
