// Gradients of scores of lists: sums of the pairs of each query and of each document, in order.
#include "scoring.h"

namespace ckl {
namespace scoring {

bool Scorer::query_sums_of_lists(const Pairs& p, const float* grad, float* out) {
  // Without candidates, the documents of a list are contiguous: the same numbers 0, 1, ... serve every list.
  int32_t* numbers = nullptr;
  if (!p.candidates) {
    const int64_t longest = longest_row(p.lists);
    numbers = reinterpret_cast<int32_t*>(at_.reserve(std::max<int64_t>(1, longest)));
    if (!numbers) return false;
    for (int64_t i = 0; i < longest; i++) numbers[i] = int32_t(i);
  }
  each(p.queries, 1, p.lists.documents(0, p.queries) * p.dim, [&](int, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++) {
      const int64_t begin = p.lists.begin(b), n = p.lists.length(b);
      kernels_.gather_sum(grad + begin, numbers ? numbers : p.candidates + begin, n,
                          numbers ? document_.x + begin * p.dim : document_.x, p.dim, out + b * p.dim);
    }
  });
  return true;
}

// Groups the pairs by document, in order: starts_ [documents + 1], at_ (the queries) and weights_ (the gradients).
bool Scorer::document_lists(const Pairs& p, const float* grad) {
  const int64_t pairs = p.lists.documents(0, p.queries);
  int32_t* const starts = reinterpret_cast<int32_t*>(starts_.reserve(p.documents + 2));
  int32_t* const at = reinterpret_cast<int32_t*>(at_.reserve(std::max<int64_t>(1, pairs)));
  float* const weights = weights_.reserve(std::max<int64_t>(1, pairs));
  if (!starts || !at || !weights) return false;
  std::fill(starts, starts + p.documents + 2, 0);
  const auto visit = [&](auto body) {
    for (int64_t b = 0; b < p.queries; b++)
      for (int64_t i = p.lists.begin(b), end = i + p.lists.length(b); i < end; i++) {
        const int64_t document = p.candidates ? p.candidates[i] : i;
        if (document >= 0) body(b, i, document);
      }
  };
  visit([&](int64_t, int64_t, int64_t document) { starts[document + 2]++; });
  for (int64_t m = 0; m < p.documents; m++) starts[m + 2] += starts[m + 1];
  visit([&](int64_t b, int64_t i, int64_t document) {
    const int32_t place = starts[document + 1]++;
    at[place] = int32_t(b), weights[place] = grad[i];
  });
  return true;
}

bool Scorer::document_grads(const Pairs& p, const Gradients& g) {
  if (!document_lists(p, g.scores)) return false;
  const int32_t* const starts = reinterpret_cast<const int32_t*>(starts_.reserve(0));
  const int32_t* const at = reinterpret_cast<const int32_t*>(at_.reserve(0));
  const float* const weights = weights_.reserve(0);
  const int64_t work = (starts[p.documents] + 4 * p.documents) * p.dim;
  const int64_t apart = (2 * p.dim + 15) / 16 * 16;
  float* const blocks = room(block_, workers(work), apart);
  if (!blocks) return false;
  each(p.documents, 1, work, [&](int worker, int64_t first, int64_t last) {
    float* const sum = blocks + worker * apart;
    for (int64_t m = first; m < last; m++) {
      kernels_.gather_sum(weights + starts[m], at + starts[m], starts[m + 1] - starts[m], query_.x, p.dim, sum);
      kernels_.finish(sum, p.cosine ? document_.x + m * p.dim : nullptr, p.cosine ? document_.inverse.reserve(0)[m] : 1,
                      p.scale, p.dim, g.document, m * p.row_size(), g.accumulate, sum + p.dim);
    }
  });
  return true;
}

}  // namespace scoring
}  // namespace ckl
