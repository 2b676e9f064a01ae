// Checks candidates, lists and the offsets of tokens.
#include <limits>

#include "scoring.h"

namespace ckl {
namespace scoring {

namespace {

Status check_offsets(const int32_t* offsets, int64_t count, Argument argument) {
  if (offsets && offsets[0] != 0) return {Code::offset, argument, 0, double(offsets[0])};
  for (int64_t i = 1; offsets && i <= count; i++)
    if (offsets[i] < offsets[i - 1]) return {Code::offset, argument, i, double(offsets[i])};
  return {};
}

Status check_terms(const int32_t* ids, const int32_t* offsets, int64_t vectors, int64_t terms, Argument argument) {
  for (int64_t v = 0; v < vectors; v++)
    for (int64_t i = offsets[v]; i < offsets[v + 1]; i++)
      if (ids[i] < 0 || ids[i] >= terms || (i > offsets[v] && ids[i] <= ids[i - 1]))
        return {Code::term, argument, i, double(ids[i]), double(terms)};
  return {};
}

}  // namespace

Status check_tokens(const Pairs& p) {
  const Status status = check_offsets(p.query_tokens, p.queries, Argument::query_offsets);
  return status.ok() ? check_offsets(p.document_tokens, p.documents, Argument::document_offsets) : status;
}

Status check_pairs(const Pairs& p) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (p.documents > kMost) return {Code::shape, Argument::documents, -1, double(p.documents), double(kMost)};
  if (p.queries > kMost) return {Code::shape, Argument::queries, -1, double(p.queries), double(kMost)};
  Status status = check_tokens(p);
  if (status.ok() && p.sparse()) {
    status = check_terms(p.query_ids, p.query_tokens, p.queries, p.terms, Argument::query_ids);
    if (status.ok())
      status = check_terms(p.document_ids, p.document_tokens, p.documents, p.terms, Argument::document_ids);
  }
  if (p.all || !status.ok()) return status;
  const Rows& lists = p.lists;
  for (int64_t b = 0; lists.offsets && b <= lists.queries; b++)
    if (lists.offsets[b] < (b ? lists.offsets[b - 1] : 0))
      return {Code::offset, Argument::offsets, b, double(lists.offsets[b])};
  for (int64_t b = 0; p.candidates && b < lists.queries; b++)
    for (int64_t i = lists.begin(b); i < lists.begin(b) + lists.length(b); i++)
      if (p.candidates[i] < -1 || p.candidates[i] >= p.documents)
        return {Code::candidate, Argument::candidates, i, double(p.candidates[i]), double(p.documents)};
  const int64_t pairs = lists.documents(0, lists.queries);
  if (pairs > kMost) return {Code::shape, Argument::scores, -1, double(pairs), double(kMost)};
  return {};
}

}  // namespace scoring
}  // namespace ckl
