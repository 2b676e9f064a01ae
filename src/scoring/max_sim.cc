// MaxSim: the best document token of each query token, their sum, and gradients along the winners.
#include <algorithm>
#include <cmath>

#include "scoring.h"

namespace ckl {
namespace scoring {

// Throws std::bad_alloc.
void Scorer::place_winners(const Pairs& p) {
  for (std::vector<int64_t>* places : {&pair_at_, &winner_at_, &panel_at_}) places->assign(size_t(p.queries + 1), 0);
  for (int64_t b = 0; b < p.queries; b++) {
    const size_t i = size_t(b);
    const int64_t tokens = p.tokens_of_query(b);
    pair_at_[i + 1] = pair_at_[i] + p.length(b);
    winner_at_[i + 1] = winner_at_[i] + p.length(b) * tokens;
    panel_at_[i + 1] = panel_at_[i] + pieces(tokens, kernels_.columns);
  }
}

// The query's tokens become the columns, so that the maxima are found without crossing lanes, and documents are read in
// place.
bool Scorer::pack_tokens(const Pairs& p) {
  const int64_t columns = kernels_.columns, size = columns * p.dim;
  float* const panels = panels_.reserve(std::max<int64_t>(1, panel_at_.back() * size));
  if (!panels) return false;
  each(p.queries, 1, p.query_rows() * p.dim, [&](int, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++)
      for (int64_t t = 0, tokens = p.tokens_of_query(b); t < tokens; t += columns)
        kernels_.pack_rows(query_.x + (p.query_tokens[b] + t) * p.dim, p.dim, std::min(columns, tokens - t), p.dim,
                           panels + (panel_at_[size_t(b)] + t / columns) * size);
  });
  return true;
}

// For a panel and a document with tokens; winners are counted from the document's first token. Takes a few tiles at a
// time, between masked tokens, which fit in the first-level cache.
void Scorer::best_tokens(const Pairs& p, const float* panel, int64_t document, float* best, int32_t* winner,
                         float* block) const {
  const int64_t columns = kernels_.columns, tile = kTiles * kernels_.rows;
  const float* const x = document_.x + p.document_tokens[document] * p.dim;
  const uint8_t* const mask = p.document_mask ? p.document_mask + p.document_tokens[document] : nullptr;
  bool begins = true;
  for (int64_t r = 0, rows, tokens = p.tokens_of_document(document); r < tokens; r += rows) {
    const int64_t most = std::min(tile, tokens - r);
    rows = mask ? std::find(mask + r, mask + r + most, uint8_t(0)) - (mask + r) : most;
    if (rows == 0) {
      rows = 1;
      continue;
    }
    int64_t k = 0;
    do {
      kernels_.product(x + r * p.dim + k, p.dim, 1, rows, panel + k * columns, std::min(kPart, p.dim - k), columns,
                       block, columns, k == 0);
      k += kPart;
    } while (k < p.dim);
    kernels_.largest(block, rows, int32_t(r), begins, best, winner);
    begins = false;
  }
}

// The winners of query b: [tokens, length], rows of the documents' tokens; -1 if the query's token is masked, or if the
// document is missing or has no tokens.
bool Scorer::max_sim(const Pairs& p, float* out, bool keep_winners) {
  place_winners(p);
  int32_t* const winners =
      keep_winners ? reinterpret_cast<int32_t*>(winners_.reserve(std::max<int64_t>(1, winner_at_.back()))) : nullptr;
  if ((keep_winners && !winners) || !pack_tokens(p)) return false;
  const int64_t columns = kernels_.columns, pairs = pair_at_.back();
  int64_t work = 0;
  if (p.all) work = p.query_rows() * p.document_rows() * p.dim;
  for (int64_t b = 0; !p.all && b < p.queries; b++)
    for (int64_t i = 0; i < p.length(b); i++) {
      const int64_t document = p.document_at(b, i);
      if (document >= 0) work += p.tokens_of_query(b) * p.tokens_of_document(document) * p.dim;
    }
  const int64_t apart = (kTiles * kernels_.rows + 2) * columns;
  float* const blocks = room(block_, workers(work), apart);
  if (!blocks) return false;
  const float* const panels = panels_.reserve(0);
  const auto pair = [&](float* block, int64_t b, int64_t i) {
    const int64_t document = p.document_at(b, i), tokens = p.tokens_of_query(b), length = p.length(b);
    const bool none = document < 0 || p.no_tokens(document);
    float* const best = block + kTiles * kernels_.rows * columns;
    int32_t* const winner = reinterpret_cast<int32_t*>(best + columns);
    float sum = 0;
    for (int64_t t = 0; t < tokens; t += columns) {
      if (!none)
        best_tokens(p, panels + (panel_at_[size_t(b)] + t / columns) * columns * p.dim, document, best, winner, block);
      for (int64_t c = 0; c < std::min(columns, tokens - t); c++) {
        const bool counts = !none && p.has_token(p.query_tokens[b] + t + c);
        if (counts) sum = sum + best[c];
        if (winners)
          winners[winner_at_[size_t(b)] + (t + c) * length + i] = counts ? p.document_tokens[document] + winner[c] : -1;
      }
    }
    if (p.mean) sum = sum / p.divisor(b);
    if (out) out[p.begin(b) + i] = none ? -INFINITY : sum;
  };
  each(pairs, 1, work, [&](int worker, int64_t first, int64_t last) {
    float* const block = blocks + worker * apart;
    int64_t b = std::upper_bound(pair_at_.begin(), pair_at_.end(), first) - pair_at_.begin() - 1;
    for (int64_t n = first; n < last; n++) {
      if (p.all) {  // a document is multiplied with every query while it is in the cache
        pair(block, n % p.queries, n / p.queries);
        continue;
      }
      while (pair_at_[size_t(b) + 1] <= n) b++;
      pair(block, b, n - pair_at_[size_t(b)]);
    }
  });
  has_winners_ = keep_winners;
  return true;
}

// Converts the gradient of each score to that of its sum over tokens.
const float* Scorer::token_weights(const Pairs& p, const float* grad) {
  if (!p.mean) return grad;
  float* const weights = weights_.reserve(std::max<int64_t>(1, p.scores()));
  for (int64_t b = 0; weights && b < p.queries; b++) {
    const float divisor = p.divisor(b);
    for (int64_t i = p.begin(b), end = i + p.length(b); i < end; i++) weights[i] = grad[i] / divisor;
  }
  return weights;
}

bool Scorer::token_query_sums(const Pairs& p, const float* grad, float* out) {
  const float* const weights = token_weights(p, grad);
  if (!weights) return false;
  const int32_t* const winners = reinterpret_cast<const int32_t*>(winners_.reserve(0));
  each(p.queries, 1, winner_at_.back() * p.dim, [&](int, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++)
      for (int64_t t = 0, n = p.length(b); t < p.tokens_of_query(b); t++)
        kernels_.gather_sum(weights + p.begin(b), winners + winner_at_[size_t(b)] + t * n, n, document_.x, p.dim,
                            out + (p.query_tokens[b] + t) * p.dim);
  });
  return true;
}

// Groups the numbers of the pairs by document, in order: starts_ [documents + 1] and at_.
bool Scorer::places_of_documents(const Pairs& p) {
  int32_t* const starts = reinterpret_cast<int32_t*>(starts_.reserve(p.documents + 2));
  int32_t* const at = reinterpret_cast<int32_t*>(at_.reserve(std::max<int64_t>(1, pair_at_.back())));
  if (!starts || !at) return false;
  std::fill(starts, starts + p.documents + 2, 0);
  const auto visit = [&](auto body) {
    for (int64_t b = 0; b < p.queries; b++)
      for (int64_t i = 0; i < p.length(b); i++)
        if (p.document_at(b, i) >= 0) body(p.document_at(b, i), pair_at_[size_t(b)] + i);
  };
  visit([&](int64_t document, int64_t) { starts[document + 2]++; });
  for (int64_t m = 0; m < p.documents; m++) starts[m + 2] += starts[m + 1];
  visit([&](int64_t document, int64_t number) { at[starts[document + 1]++] = int32_t(number); });
  return true;
}

// Threads divide the documents: a token's terms are summed in the order of queries, places and query tokens.
bool Scorer::token_document_grads(const Pairs& p, const Gradients& g) {
  const float* const weights = token_weights(p, g.scores);
  if (!weights || (!p.all && !places_of_documents(p))) return false;
  const int32_t* const starts = reinterpret_cast<const int32_t*>(starts_.reserve(0));
  const int32_t* const at = reinterpret_cast<const int32_t*>(at_.reserve(0));
  const int32_t* const winners = reinterpret_cast<const int32_t*>(winners_.reserve(0));
  int64_t longest = 0;
  for (int64_t m = 0; m < p.documents; m++) longest = std::max(longest, p.tokens_of_document(m));
  const int64_t work = (winner_at_.back() + 4 * p.document_rows()) * p.dim;
  const int64_t apart = pieces((longest + 1) * p.dim, 16) * 16;
  float* const blocks = room(block_, workers(work), apart);
  if (!blocks) return false;
  each(p.documents, 1, work, [&](int worker, int64_t first, int64_t last) {
    float* const sums = blocks + worker * apart;
    for (int64_t m = first; m < last; m++) {
      const int64_t row = p.document_tokens[m], tokens = p.tokens_of_document(m);
      if (tokens == 0) continue;
      std::fill(sums, sums + tokens * p.dim, 0.0f);
      const auto add = [&](int64_t b, int64_t i) {
        const float weight = weights[p.begin(b) + i];
        if (weight == 0) return;
        kernels_.scatter_sum(weight, winners + winner_at_[size_t(b)] + i, p.length(b), p.tokens_of_query(b),
                             query_.x + p.query_tokens[b] * p.dim, p.dim, row, sums);
      };
      for (int64_t b = 0; p.all && b < p.queries; b++) add(b, m);
      for (int64_t n = p.all ? 0 : starts[m], end = p.all ? 0 : starts[m + 1]; n < end; n++) {
        const int64_t b = std::upper_bound(pair_at_.begin(), pair_at_.end(), at[n]) - pair_at_.begin() - 1;
        add(b, at[n] - pair_at_[size_t(b)]);
      }
      for (int64_t r = row; r < row + tokens; r++)
        kernels_.finish(sums + (r - row) * p.dim, p.cosine ? document_.x + r * p.dim : nullptr,
                        p.cosine ? document_.inverse.reserve(0)[r] : 1, p.scale, p.dim, g.document, r * p.row_size(),
                        g.accumulate, sums + longest * p.dim);
    }
  });
  return true;
}

}  // namespace scoring
}  // namespace ckl
