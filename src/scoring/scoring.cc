#include "scoring.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ckl {
namespace scoring {

#if defined(__x86_64__)
extern const Kernels scoring_baseline, scoring_avx2, scoring_avx512;
#else
extern const Kernels scoring_neon;
#endif

const Kernels& kernels_of(const cpu::Target& target) {
#if defined(__x86_64__)
  if (!std::strcmp(target.name, "avx512")) return scoring_avx512;
  return std::strcmp(target.name, "avx2") ? scoring_baseline : scoring_avx2;
#else
  (void)target;
  return scoring_neon;
#endif
}

namespace {

// The number of multiplications that justifies waking another thread; a slice is a fraction of that.
constexpr int64_t kWorkPerThread = 1 << 18;

}  // namespace

Scorer::Scorer(const cpu::Target& target, std::shared_ptr<cpu::Pool> pool)
    : target_(target), kernels_(kernels_of(target)), pool_(std::move(pool)) {}

int Scorer::workers(int64_t multiplications) const {
  return int(std::max<int64_t>(1, std::min<int64_t>(pool_->threads(), multiplications / kWorkPerThread)));
}

float* Scorer::room(cpu::Buffer& buffer, int workers, int64_t floats) {
  return buffer.reserve(workers * (floats + 16) / 16 * 16);
}

bool Scorer::prepare_side(const Pairs& p, Scores from, int64_t count, Side& side) {
  side.x = reinterpret_cast<const float*>(from.data);
  if (!p.cosine && from.type == DType::float32 && p.row_size() == p.dim) return true;
  float* const rows = side.rows.reserve(std::max<int64_t>(1, count * p.dim));
  float* const inverse = side.inverse.reserve(std::max<int64_t>(1, count));
  if (!rows || !inverse) return false;
  side.x = rows;
  each(count, 1, 4 * count * p.dim, [&](int, int64_t first, int64_t last) {
    for (int64_t r = first; r < last; r++) inverse[r] = read_row(p, from, r, rows + r * p.dim);
  });
  return true;
}

// Returns 1 where nothing is normalised.
InverseNorm Scorer::read_row(const Pairs& p, Scores from, int64_t r, float* row) const {
  const int64_t begin = r * p.row_size();
  if (p.cosine && from.type == DType::float32)
    return kernels_.normalise(reinterpret_cast<const float*>(from.data) + begin, p.dim, row);
  target_.kernels->widen(from, begin, row, p.dim);
  return p.cosine ? kernels_.normalise(row, p.dim, row) : 1;
}

// Rows of the documents of all pairs in the form in which they are multiplied: in place, or converted into the buffer,
// which has room for them.
const float* Scorer::document_rows(const Pairs& p, int64_t first, int64_t count, float* buffer) const {
  if (!compact_) return document_.x + first * p.dim;
  for (int64_t r = 0; r < count; r++) read_row(p, p.document, first + r, buffer + r * p.dim);
  return buffer;
}

bool Scorer::prepare(const Pairs& p) {
  prepared_ = {};
  has_winners_ = false;
  const bool as_they_are = !p.cosine && p.document.type == DType::float32 && p.row_size() == p.dim;
  compact_ = p.compact && p.all && !p.query_tokens && !as_they_are;
  if (!prepare_side(p, p.query, p.query_rows(), query_)) return false;
  if (!compact_ && !prepare_side(p, p.document, p.document_rows(), document_)) return false;
  prepared_ = p;
  return true;
}

// Checks that the memory is the same; only the caller knows whether its contents are.
bool Scorer::prepared(const Pairs& p) const {
  const auto same = [](const Scores& a, const Scores& b) { return a && a.data == b.data && a.type == b.type; };
  return same(p.query, prepared_.query) && same(p.document, prepared_.document) && p.dim == prepared_.dim &&
         p.width == prepared_.width && p.compact == prepared_.compact && p.queries == prepared_.queries &&
         p.documents == prepared_.documents && p.cosine == prepared_.cosine &&
         p.query_tokens == prepared_.query_tokens && p.document_tokens == prepared_.document_tokens &&
         p.query_ids == prepared_.query_ids && p.document_ids == prepared_.document_ids &&
         p.query_mask == prepared_.query_mask && p.document_mask == prepared_.document_mask && p.all == prepared_.all &&
         p.candidates == prepared_.candidates && p.scores() == prepared_.scores() &&
         p.lists.offsets == prepared_.lists.offsets;
}

Status Scorer::scores(const Pairs& p, const float* bias, float* out, bool keep_winners) {
  if (!prepare(p)) return no_memory();
  const bool vectors = !p.query_tokens, products = p.all && vectors;
  // A dimension of 0: every chain is empty.
  if (products && p.dim == 0) std::fill(out, out + p.scores(), 0.0f);
  else if (products && !all_scores(p, query_.x, p.queries, 0, p.documents, out)) return no_memory();
  if (p.max_sim() && !max_sim(p, out, keep_winners)) return no_memory();
  if (p.sparse() && !sparse_scores(p, out)) return no_memory();
  const int64_t pairs = p.all ? p.scores() : p.lists.documents(0, p.queries);
  each(p.queries, 1, pairs * (p.all ? 1 : p.dim), [&](int, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++) {
      const int64_t begin = p.begin(b), n = p.length(b);
      const int32_t* const at = p.candidates ? p.candidates + begin : nullptr;
      const float* const documents = p.all || !vectors || at ? document_.x : document_.x + begin * p.dim;
      float* const row = out + begin;
      if (!p.all && vectors) kernels_.dots(query_.x + b * p.dim, documents, p.dim, at, n, row);
      if (p.scale == 1 && !bias) continue;
      if (products) {
        for (int64_t i = 0; i < n; i++) row[i] = row[i] * p.scale;
        for (int64_t i = 0; bias && i < n; i++) row[i] = row[i] + bias[i];
        continue;
      }
      for (int64_t i = 0; i < n; i++) {
        const int64_t document = p.document_at(b, i);
        if (document < 0 || p.no_tokens(document)) continue;
        row[i] = row[i] * p.scale;
        if (bias) row[i] = row[i] + bias[document];
      }
    }
  });
  return {};
}

Status Scorer::backward(const Pairs& p, const Gradients& g, bool same_pairs, double& scale_grad) {
  if (g.first) scale_grad = 0;
  if (!(same_pairs && prepared(p)) && !prepare(p)) return no_memory();
  if (p.max_sim() && !has_winners_ && !max_sim(p, nullptr, true)) return no_memory();
  const bool sums = g.query || g.scale;
  // Sparse gradients are finished vector by vector, dense ones row by row.
  const int64_t size = p.query_rows() * p.dim, rows = p.sparse() ? p.queries : p.query_rows();
  int64_t longest = p.dim;
  for (int64_t b = 0; p.sparse() && b < p.queries; b++) longest = std::max(longest, p.tokens_of_query(b));
  float* const query = sums ? sums_.reserve(std::max<int64_t>(1, size + pool_->threads() * longest)) : nullptr;
  if (sums && (!query || !(p.max_sim()  ? token_query_sums(p, g.scores, query)
                           : p.sparse() ? sparse_query_sums(p, g.scores, query)
                           : p.all      ? query_sums_of_all(p, g.scores, query)
                                        : query_sums_of_lists(p, g.scores, query))))
    return no_memory();
  // Gradients are written last: one may overwrite its embeddings, which the other one reads.
  if (g.document && !(p.max_sim()  ? token_document_grads(p, g)
                      : p.sparse() ? sparse_document_grads(p, g)
                      : p.all      ? document_grads_of_all(p, g)
                                   : document_grads(p, g)))
    return no_memory();
  if (g.scale)
    for (int64_t i = 0; i < size; i++)
      // Skips zeros: a query whose scores no loss has read may hold NaN or infinities.
      if (query[i] != 0) scale_grad += double(query[i]) * query_.x[i];
  if (!g.query) return {};
  each(rows, 1, 8 * size, [&](int worker, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++) {
      const int64_t begin = p.sparse() ? p.query_tokens[b] : b * p.dim;
      const int64_t n = p.sparse() ? p.tokens_of_query(b) : p.dim;
      kernels_.finish(query + begin, p.cosine ? query_.x + begin : nullptr, p.cosine ? query_.inverse.reserve(0)[b] : 1,
                      p.scale, n, g.query, p.sparse() ? begin : b * p.row_size(), g.accumulate,
                      query + size + worker * longest);
    }
  });
  return {};
}

}  // namespace scoring
}  // namespace ckl
