// Before a mean: counts the weighted queries of each term, by which the row kernels scale gradients; or counts query by
// query, for a mean over the queries of several ranks.
#pragma once
#include "label_counts.cuh"
#include "listwise.cuh"

namespace ckl {
namespace cuda {

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

// Calls body(query, leads, count) for each query: `leads` is true on one thread, and count(k), to be called by all
// threads of the team, is how often term k counts the query. kOrdered: some term counts pairs of different relevance,
// which labels alone do not determine. Otherwise, long rows have a block each.
template <bool kOrdered, class Body>
CKL_DEVICE void each_query(const Task& task, char* memory, Body body) {
  unsigned wanted = 0;
  for (int k = 0; k < task.term_count; k++)
    if (!needs_pair(task.terms[k].needs)) wanted |= wanted_for(task.terms[k].needs);
  const auto by = [&](auto team) {
    each_scanned<4>(task, team, wanted, [&](const Row& row, bool leads, unsigned found) {
      body(row.b, leads, [&](int k) {
        const Needs needs = task.terms[k].needs;
        const unsigned need = wanted_for(needs);
        if constexpr (kOrdered) {
          if (needs_pair(needs)) return count_ordered(task, task.terms[k], team, row);
        }
        return double((found & need) == need);
      });
    });
  };
  if constexpr (kOrdered) {
    by(Lanes{task.launch.width});
  } else {
    if (task.launch.width > kWarp) by(Block(memory));
    else by(Lanes{task.launch.width});
  }
}

template <bool kOrdered>
CKL_DEVICE void count_terms(const Task& task) {
  let_next_launch_begin();
  char* memory = dynamic_shared();
  BlockTotal* shared = reinterpret_cast<BlockTotal*>(memory);
  double sums[kMaxTerms];
#pragma unroll
  for (int k = 0; k < kMaxTerms; k++) sums[k] = 0;
  each_query<kOrdered>(task, memory, [&](int64_t b, bool speaks, auto count) {
    const double weight = !speaks ? 0 : task.batch.weights ? double(task.batch.weights[b]) : 1;
#pragma unroll
    for (int k = 0; k < kMaxTerms; k++) {
      if (k >= task.term_count) break;
      const double times = count(k);
      if (!task.launch.lists) sums[k] += weight * times;
      else if (speaks) task.buffers.summands[k * task.batch.rows.queries + b] = times;
    }
  });
  if (task.launch.lists) return;
#pragma unroll
  for (int k = 0; k < kMaxTerms; k++) {
    if (k >= task.term_count) break;
    const BlockTotal x = sum_block({sums[k], 0}, shared);
    if (threadIdx.x == 0) write_for_blocks(task.buffers.weight_sums + k * kMaxBlocks + blockIdx.x, x.loss);
  }
  if (!is_last_block(task.buffers.ticket, memory)) return;
  for (int k = 0; k < task.term_count; k++) write_scale(task, k, shared);
}

// Registers at most: 80
static __global__ void __launch_bounds__(kCountThreads, 3) count_queries(CKL_PARAMETER Task task) {
  count_terms<false>(task);
}

// Registers at most: 128
static __global__ void __launch_bounds__(kCountThreads, 2) count_ordered_queries(CKL_PARAMETER Task task) {
  count_terms<true>(task);
}

}  // namespace cuda
}  // namespace ckl
