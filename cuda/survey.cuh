// Before a mean: how many queries each term counts, with their weights. The row kernels scale gradients by it.
#pragma once
#include "pairs.cuh"
#include "reduce.cuh"

namespace ckl {
namespace cuda {

// What a query's labels say, the same for all lanes that share the row.
struct LabelCounts {
  float documents, positives;
  bool levels;  // two valid documents of different relevance
};

CKL_DEVICE LabelCounts look_at_labels(const Task& task, Lanes& team, const Row& row) {
  float c[2] = {0, 0}, level[2] = {-infinity(), -infinity()};
  for (int64_t i = row.begin + team.rank(); i < row.begin + row.n; i += team.size()) {
    const uint8_t y = task.batch.labels[i];
    if (y == kPadding) continue;
    c[0] += 1, c[1] += y == kPositive;
    const float x = task.batch.relevance ? task.batch.relevance[i] : float(y == kPositive);
    level[0] = fmaxf(level[0], x), level[1] = fmaxf(level[1], -x);
  }
  team.reduce(c, Add());
  if (task.ordered) team.reduce(level, Most());
  return {c[0], c[1], c[0] > 0 && level[0] > -level[1]};
}

// How often the query enters a term's mean.
CKL_DEVICE double multiplicity(const Task& task, Lanes& team, const Row& row, const LabelCounts& c, Needs needs) {
  switch (needs) {
    case Needs::document: return c.documents > 0;
    case Needs::positive: return c.positives > 0;
    case Needs::positive_and_negative: return c.positives > 0 && c.documents > c.positives;
    case Needs::ordered_pair: break;
  }
  if (!task.pair_weighted) return c.levels;
  Careful<Lanes> x{task, team, row, nullptr, nullptr};
  x.documents = c.documents, x.positives = c.positives;
  return count_pairs(x);
}

// Registers at most: 128
static __global__ void __launch_bounds__(kSurveyThreads, 2) survey(CKL_PARAMETER Task task) {
  char* memory = dynamic_shared();
  Partial* shared = reinterpret_cast<Partial*>(memory);
  Lanes team{task.width};
  const unsigned lane = threadIdx.x % kWarp;
  double sums[kMaxTerms];
#pragma unroll
  for (int k = 0; k < kMaxTerms; k++) sums[k] = 0;
  for (int64_t base = team.index() - lane / team.width; base < task.batch.rows.queries; base += team.count()) {
    const int64_t b = base + lane / team.width;
    const bool here = b < task.batch.rows.queries;
    const Row row = here ? row_of(task.batch.rows, b) : Row{0, 0, 0};
    const LabelCounts counts = look_at_labels(task, team, row);
    const double weight = !here || team.rank() != 0 ? 0 : task.batch.weights ? double(task.batch.weights[b]) : 1;
#pragma unroll
    for (int k = 0; k < kMaxTerms; k++)
      if (k < task.term_count) sums[k] += weight * multiplicity(task, team, row, counts, task.terms[k].needs);
  }
#pragma unroll
  for (int k = 0; k < kMaxTerms; k++) {
    if (k >= task.term_count) break;
    const Partial x = sum_block({sums[k], 0}, shared);
    if (threadIdx.x == 0) task.weight_sums[k * kMostBlocks + blockIdx.x] = x.loss;
  }
  if (!is_last_block(task.ticket, memory)) return;
  for (int k = 0; k < task.term_count; k++) {
    double sum = 0;
    for (unsigned j = threadIdx.x; j < gridDim.x; j += blockDim.x) sum += task.weight_sums[k * kMostBlocks + j];
    sum = sum_block({sum, 0}, shared).loss;
    if (threadIdx.x != 0) continue;
    task.scales[k] = scale_for(sum > 0 ? task.terms[k].weight / sum : 0, task.grad_scale, task.student_temperature,
                               task.teacher_temperature);
  }
}

}  // namespace cuda
}  // namespace ckl
