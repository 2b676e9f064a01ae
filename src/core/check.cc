#include "check.h"

#include <algorithm>
#include <cmath>

namespace ckl {

Status check_rows(const Rows& rows, int64_t elements) {
  if (!rows.offsets) {
    if (rows.queries < 0 || rows.docs < 0 || rows.stride < rows.docs) return {Code::shape, Argument::none};
    if (rows.queries > 0 && rows.stride > 0 && rows.queries - 1 > (INT64_MAX - rows.docs) / rows.stride)
      return {Code::shape, Argument::none};
    if (elements < rows.extent()) return Status::size(Argument::student, double(elements), double(rows.extent()));
    return {};
  }
  if (rows.queries < 0) return {Code::shape, Argument::none};
  for (int64_t b = 0; b <= rows.queries; b++) {
    const int32_t from = b == 0 ? 0 : rows.offsets[b - 1];
    if (rows.offsets[b] < from || rows.offsets[b] > elements)
      return Status::at(Code::offset, Argument::offsets, b, -1, rows.offsets[b]);
  }
  return {};
}

bool offsets_apart(const Rows& rows, const void* output, int64_t bytes) {
  const uintptr_t offsets = uintptr_t(rows.offsets), from = uintptr_t(output);
  const uintptr_t end = offsets + uintptr_t(rows.queries + 1) * sizeof(int32_t);
  return !rows.offsets || !output || from >= end || from + uintptr_t(bytes) <= offsets;
}

namespace {

// Finds the first document of rows [first, last) for which wrong(i) holds; padding is skipped.
template <class Wrong, class Value>
Status find(const Batch& batch, int64_t first, int64_t last, Code code, Argument argument, Wrong wrong, Value value) {
  for (int64_t b = first; b < last; b++) {
    const int64_t begin = batch.rows.begin(b), n = batch.rows.length(b);
    bool any = false;  // no early exit, so that the compiler vectorises this loop
    for (int64_t i = begin; i < begin + n; i++) any |= (batch.labels[i] != kPadding) & wrong(i);
    if (!any) continue;
    for (int64_t i = begin; i < begin + n; i++)
      if (batch.labels[i] != kPadding && wrong(i)) return Status::at(code, argument, b, i - begin, value(i));
  }
  return {};
}

template <class T>
Status find_rank(const Batch& batch, int64_t first, int64_t last) {
  const T* ranks = static_cast<const T*>(batch.ranks.data);
  return find(
      batch, first, last, Code::rank, Argument::ranks, [=](int64_t i) { return !(ranks[i] >= 1); },
      [=](int64_t i) { return double(ranks[i]); });
}

}  // namespace

Status check_ranks(const Batch& batch, int64_t first, int64_t last) {
  switch (batch.ranks.type) {
    case RankType::none: return {};
    case RankType::u8: return find_rank<uint8_t>(batch, first, last);
    case RankType::u16: return find_rank<uint16_t>(batch, first, last);
    case RankType::u32: return find_rank<uint32_t>(batch, first, last);
    case RankType::i32: return find_rank<int32_t>(batch, first, last);
    case RankType::f32: return find_rank<float>(batch, first, last);
  }
  return {};
}

Status check_beta(const Batch& batch, double gamma, int64_t first, int64_t last) {
  const float* beta = batch.beta;
  const uint8_t* labels = batch.labels;
  const double most = gamma - 1;
  return find(
      batch, first, last, Code::beta, Argument::beta,
      [=](int64_t i) { return (labels[i] == 0) & !((beta[i] <= most) & (beta[i] >= -3.402823466e38f)); },
      [=](int64_t i) { return double(beta[i]); });
}

Status check_relevance(const Batch& batch, int64_t first, int64_t last) {
  const float* relevance = batch.relevance;
  return find(
      batch, first, last, Code::relevance, Argument::relevance,
      [=](int64_t i) { return !(relevance[i] - relevance[i] == 0); }, [=](int64_t i) { return double(relevance[i]); });
}

Status check_weights(const Batch& batch) {
  for (int64_t b = 0; batch.weights && b < batch.rows.queries; b++)
    if (!(batch.weights[b] >= 0) || std::isinf(batch.weights[b]))
      return Status::at(Code::weight, Argument::weights, b, -1, batch.weights[b]);
  return {};
}

Status find_label(const Batch& batch, int64_t row) {
  const int64_t begin = batch.rows.begin(row), n = batch.rows.length(row);
  for (int64_t i = begin; i < begin + n; i++) {
    const uint8_t y = batch.labels[i];
    if (y > 1 && y != kPadding) return Status::at(Code::label, Argument::labels, row, i - begin, y);
  }
  return {};
}

Status check_batch(const Plan& plan, const Batch& batch) {
  const int64_t rows = batch.rows.queries;
  Status status = check_weights(batch);
  for (int64_t b = 0; status.ok() && b < rows; b++) status = find_label(batch, b);
  if (status.ok()) status = check_ranks(batch, 0, rows);
  double least_gamma = 1e300;
  for (const PlanTerm& t : plan.terms)
    if (t.loss == LossId::ckl) least_gamma = std::min(least_gamma, t.gamma);
  if (status.ok() && batch.beta) status = check_beta(batch, least_gamma, 0, rows);
  if (status.ok() && batch.relevance) status = check_relevance(batch, 0, rows);
  return status;
}

}  // namespace ckl
