// Ranks and rank bias of a whole batch, for the API functions that compute nothing else.
#include "../core/check.h"
#include "cpu_backend.h"

namespace ckl {
namespace cpu {

Status compute_ranks(const Target& target, Scores student, const Rows& rows, const uint8_t* labels, uint32_t* out) {
  if (rows.extent() == 0) return {};  // without documents, the number of rows is unbounded
  const int64_t longest = longest_row(rows);
  Buffer scratch;
  const int64_t floats = target.kernels->scratch_floats(longest);
  if (!scratch.reserve(floats)) return {Code::memory, Argument::none, -1, -1, double(floats) * 4};
  if (labels) {
    Batch batch;
    batch.rows = rows;
    batch.labels = labels;
    for (int64_t b = 0; b < rows.queries; b++) {
      const Status status = find_label(batch, b);
      if (!status.ok()) return status;
    }
  }
  target.kernels->ranks(student, rows, labels, 0, rows.queries, out, scratch.reserve(0));
  return {};
}

Status compute_rank_bias(const Batch& batch, double alpha, float* out) {
  const Rows& rows = batch.rows;
  if (rows.extent() == 0) return {};
  for (int64_t b = 0; b < rows.queries; b++) {
    const Status status = find_label(batch, b);
    if (!status.ok()) return status;
  }
  const Status status = check_ranks(batch, 0, rows.queries);
  if (!status.ok()) return status;
  const auto inverse = [&](int64_t i) {
    switch (batch.ranks.type) {
      case RankType::u8: return 1.0 / static_cast<const uint8_t*>(batch.ranks.data)[i];
      case RankType::u16: return 1.0 / static_cast<const uint16_t*>(batch.ranks.data)[i];
      case RankType::u32: return 1.0 / static_cast<const uint32_t*>(batch.ranks.data)[i];
      case RankType::i32: return 1.0 / static_cast<const int32_t*>(batch.ranks.data)[i];
      default: return 1.0 / static_cast<const float*>(batch.ranks.data)[i];
    }
  };
  for (int64_t b = 0; b < rows.queries; b++) {
    const int64_t begin = rows.begin(b), end = begin + rows.length(b);
    double sum = 0;
    int64_t positives = 0;
    for (int64_t i = begin; i < end; i++) {
      if (batch.labels[i] != kPositive) continue;
      sum += inverse(i);
      positives++;
    }
    for (int64_t i = begin; i < end; i++) {
      const bool negative = batch.labels[i] == 0 && positives > 0;
      out[i] = negative ? float(alpha * (inverse(i) - sum / double(positives))) : 0.0f;
    }
  }
  return {};
}

}  // namespace cpu
}  // namespace ckl
