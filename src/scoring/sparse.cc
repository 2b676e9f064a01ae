// Sparse vectors of terms: each query is spread over a dense vocabulary, in which the documents of its list look up
// their terms.
#include <algorithm>
#include <cmath>

#include "scoring.h"

namespace ckl {
namespace scoring {

namespace {

// One vector: its number of elements, and the first of them.
struct Terms {
  const int32_t* ids;
  const float* values;
  int64_t begin, n;
};

Terms terms_of(const int32_t* ids, const float* values, const int32_t* offsets, int64_t v) {
  return {ids + offsets[v], values + offsets[v], offsets[v], offsets[v + 1] - offsets[v]};
}

void clear(const Terms& terms, float* dense) {
  for (int64_t i = 0; i < terms.n; i++) dense[terms.ids[i]] = 0;
}

int64_t longest_of(const int32_t* offsets, int64_t count) {
  int64_t longest = 0;
  for (int64_t v = 0; v < count; v++) longest = std::max<int64_t>(longest, offsets[v + 1] - offsets[v]);
  return longest;
}

// The approximate number of multiplications of all pairs with vectors of one side.
int64_t work_of(const Pairs& p, const int32_t* offsets, int64_t count) {
  const int64_t pairs = p.all ? p.scores() : p.lists.documents(0, p.queries);
  return pairs * 4 * (offsets[count] / std::max<int64_t>(1, count) + 1);
}

}  // namespace

// Zeros for a vocabulary per worker, followed by that many floats.
float* Scorer::dense_room(const Pairs& p, int64_t work, int64_t besides) {
  const int64_t apart = pieces(p.terms + besides, 16) * 16;
  float* const dense = room(block_, workers(work), apart);
  for (int worker = 0; dense && worker < workers(work); worker++)
    std::fill(dense + worker * apart, dense + worker * apart + p.terms, 0.0f);
  return dense;
}

bool Scorer::sparse_scores(const Pairs& p, float* out) {
  const int64_t work = work_of(p, p.document_tokens, p.documents), apart = pieces(p.terms, 16) * 16;
  float* const denses = dense_room(p, work, 0);
  if (!denses) return false;
  each(p.queries, 1, work, [&](int worker, int64_t first, int64_t last) {
    float* const dense = denses + worker * apart;
    for (int64_t b = first; b < last; b++) {
      const Terms query = terms_of(p.query_ids, query_.x, p.query_tokens, b);
      for (int64_t i = 0; i < query.n; i++) dense[query.ids[i]] = query.values[i];
      for (int64_t i = 0; i < p.length(b); i++) {
        const int64_t document = p.document_at(b, i);
        float score = -INFINITY;
        if (document >= 0) {
          const Terms found = terms_of(p.document_ids, document_.x, p.document_tokens, document);
          score = kernels_.sparse_dot(dense, found.ids, found.values, found.n);
        }
        out[p.begin(b) + i] = score;
      }
      clear(query, dense);
    }
  });
  return true;
}

bool Scorer::sparse_query_sums(const Pairs& p, const float* grad, float* out) {
  const int64_t work = 2 * work_of(p, p.document_tokens, p.documents), apart = pieces(p.terms, 16) * 16;
  float* const denses = dense_room(p, work, 0);
  if (!denses) return false;
  each(p.queries, 1, work, [&](int worker, int64_t first, int64_t last) {
    float* const dense = denses + worker * apart;
    for (int64_t b = first; b < last; b++) {
      const auto visit = [&](auto body) {
        for (int64_t i = 0; i < p.length(b); i++) {
          const int64_t document = p.document_at(b, i);
          const float weight = grad[p.begin(b) + i];
          if (document >= 0 && weight != 0)
            body(weight, terms_of(p.document_ids, document_.x, p.document_tokens, document));
        }
      };
      visit([&](float weight, const Terms& t) { kernels_.sparse_add(weight, t.ids, t.values, t.n, dense); });
      const Terms query = terms_of(p.query_ids, query_.x, p.query_tokens, b);
      for (int64_t i = 0; i < query.n; i++) out[query.begin + i] = dense[query.ids[i]];
      visit([&](float, const Terms& t) { clear(t, dense); });
    }
  });
  return true;
}

// Threads divide the documents: an element's terms are summed in the order of queries and places.
bool Scorer::sparse_document_grads(const Pairs& p, const Gradients& g) {
  if (!p.all && !document_lists(p, g.scores)) return false;
  const int32_t* const starts = reinterpret_cast<const int32_t*>(starts_.reserve(0));
  const int32_t* const at = reinterpret_cast<const int32_t*>(at_.reserve(0));
  const float* const weights = weights_.reserve(0);
  const int64_t work = 2 * work_of(p, p.query_tokens, p.queries);
  const int64_t longest = longest_of(p.document_tokens, p.documents);
  const int64_t apart = pieces(p.terms + 2 * longest, 16) * 16;
  float* const denses = dense_room(p, work, 2 * longest);
  if (!denses) return false;
  each(p.documents, 1, work, [&](int worker, int64_t first, int64_t last) {
    float* const dense = denses + worker * apart;
    float* const sum = dense + p.terms;
    for (int64_t m = first; m < last; m++) {
      const auto visit = [&](auto body) {
        const int64_t n = p.all ? p.queries : starts[m + 1] - starts[m];
        for (int64_t k = 0; k < n; k++) {
          const int64_t b = p.all ? k : at[starts[m] + k];
          const float weight = p.all ? g.scores[b * p.documents + m] : weights[starts[m] + k];
          if (weight != 0) body(weight, terms_of(p.query_ids, query_.x, p.query_tokens, b));
        }
      };
      visit([&](float weight, const Terms& t) { kernels_.sparse_add(weight, t.ids, t.values, t.n, dense); });
      const Terms document = terms_of(p.document_ids, document_.x, p.document_tokens, m);
      for (int64_t i = 0; i < document.n; i++) sum[i] = dense[document.ids[i]];
      visit([&](float, const Terms& t) { clear(t, dense); });
      kernels_.finish(sum, nullptr, 1, p.scale, document.n, g.document, document.begin, g.accumulate, sum + longest);
    }
  });
  return true;
}

}  // namespace scoring
}  // namespace ckl
