#include "scratch.h"

#include <utility>

namespace ckl {
namespace cuda {

Scratch::Scratch() {
  size_t used = 0;
  const auto place = [&](size_t bytes) { return std::exchange(used, used + (bytes + 255) / 256 * 256); };
  const size_t at_result = place(sizeof(BatchTotal)), at_ticket = place(2 * sizeof(unsigned));
  const size_t at_scales = place(sizeof(LossScale) * kMaxTerms), at_totals = place(sizeof(BlockTotal) * kMaxBlocks);
  const size_t at_sums = place(sizeof(double) * kMaxBlocks * kMaxTerms);
  char* base = fixed_.reserve(used);
  result = reinterpret_cast<BatchTotal*>(base + at_result), ticket = reinterpret_cast<unsigned*>(base + at_ticket);
  scales = reinterpret_cast<LossScale*>(base + at_scales),
  block_totals = reinterpret_cast<BlockTotal*>(base + at_totals);
  weight_sums = reinterpret_cast<double*>(base + at_sums);
}

void Scratch::clear(cudaStream_t stream) {
  if (!std::exchange(cleared_, true)) must(cudaMemsetAsync(ticket, 0, 2 * sizeof(unsigned), stream));
}

void Scratch::reserve(const Chip& chip, const Plan& plan, int64_t queries, int64_t longest, int64_t elements) {
  if (elements == 0) return;
  if (reads_ranks(plan, false) && longest > ranked_in_kernel(chip)) for_ranks(longest, elements);
  if (rereads_scores(plan)) for_scores(elements * size_of(DType::float32));
  if (is_fast(plan) && longest >= kLeastOfGrid) for_chunks(elements);  // else no row is a grid's
  for_notes(plan, elements);
  for_summands(plan, queries);
}

Scratch::RankMemory Scratch::for_ranks(int64_t longest, int64_t elements) {
  const int64_t keys = longest > kRankTile ? elements : 0;
  char* memory = ranks_.reserve(size_t(keys) * 16 + size_t(elements) * 4);
  RankMemory at;
  for (uint64_t*& of_pass : at.keys) of_pass = reinterpret_cast<uint64_t*>(std::exchange(memory, memory + keys * 8));
  at.ranks = reinterpret_cast<uint32_t*>(memory);
  return at;
}

ChunkSums* Scratch::for_chunks(int64_t elements) {
  return reinterpret_cast<ChunkSums*>(chunks_.reserve(size_t(elements / kLeastOfGrid + 1) * sizeof(ChunkSums)));
}

float* Scratch::for_notes(const Plan& plan, int64_t elements) {
  int64_t arrays = 0;
  for (const PlanTerm& term : plan.terms) arrays += kLosses[int(term.loss)].notes;
  return arrays == 0 ? nullptr : reinterpret_cast<float*>(notes_.reserve(size_t(arrays * elements) * sizeof(float)));
}

double* Scratch::for_summands(const Plan& plan, int64_t queries) {
  return reinterpret_cast<double*>(summands_.reserve(plan.terms.size() * size_t(queries) * sizeof(double)));
}

bool reads_ranks(const Plan& plan, bool has_beta) {
  for (const PlanTerm& term : plan.terms) {
    if (kLosses[int(term.loss)].reads_ranks) return true;
    if (term.loss == LossId::ckl && term.alpha > 0 && !has_beta) return true;
  }
  return false;
}

bool rereads_scores(const Plan& plan) {
  for (const PlanTerm& term : plan.terms)
    if (kLosses[int(term.loss)].rereads_scores) return true;
  return false;
}

bool is_fast(const Plan& plan) {
  return plan.terms.size() == 1 && kLosses[int(plan.terms[0].loss)].family == Family::distribution;
}

int64_t ranked_in_kernel(const Chip& chip) { return chip.has_all_kernels() ? kRankedInKernel : 32 * kFewElements; }

}  // namespace cuda
}  // namespace ckl
