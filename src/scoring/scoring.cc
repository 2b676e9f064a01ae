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

// A thread of its own is worth waking for this many multiplications; a slice is a fraction of that.
constexpr int64_t kWorkPerThread = 1 << 18;

Status no_memory() { return {Code::memory}; }

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
  target_.kernels->widen(from, r * p.row_size(), row, p.dim);
  return p.cosine ? kernels_.normalise(row, p.dim, row) : 1;
}

// Rows of all pairs' documents as they are multiplied: where they lie, or in the buffer, which has room for them.
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

// Checks that the memory is the same; whether its contents are, only the caller knows.
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

// Threads take documents: each packs some of them as a panel, and every query meets it.
bool Scorer::all_scores(const Pairs& p, const float* queries, int64_t count, int64_t first_document,
                        int64_t documents_count, float* out) {
  const int64_t columns = kernels_.columns, dim = p.dim, work = count * documents_count * dim;
  if (count < 4 && !compact_) {  // packing would take as long
    const float* const documents = document_.x + first_document * dim;
    each(documents_count, 64, work, [&](int, int64_t first, int64_t last) {
      for (int64_t b = 0; b < count; b++)
        kernels_.dots(queries + b * dim, documents + first * dim, dim, nullptr, last - first,
                      out + b * documents_count + first);
    });
    return true;
  }
  const int64_t panel_size = columns * std::min(dim, kPart), apart = panel_size + (compact_ ? columns * dim : 0);
  float* const panels = room(panel_, workers(work), apart);
  if (!panels) return false;
  each(documents_count, columns, work, [&](int worker, int64_t first, int64_t last) {
    float* const panel = panels + worker * apart;
    for (int64_t m = first; m < last; m += columns) {
      const int64_t n = std::min(columns, last - m);
      const float* const documents = document_rows(p, first_document + m, n, panel + panel_size);
      for (int64_t k = 0; k < dim; k += kPart) {
        const int64_t part = std::min(kPart, dim - k);
        kernels_.pack_rows(documents + k, dim, n, part, panel);
        kernels_.product(queries + k, dim, 1, count, panel, part, n, out + m, documents_count, k == 0);
      }
    }
  });
  return true;
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

// What the scores of each query add up to as a gradient with respect to it, before the scale: [queries, dim].
bool Scorer::query_sums(const Pairs& p, const float* grad, float* out) {
  const int64_t columns = kernels_.columns;
  if (!p.all) {
    // Without candidates the documents of a list lie in a row; their numbers are those of any list.
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
  // A part of the gradients is in the cache while it meets all columns of a thread, which are therefore as many as possible.
  const int64_t most = std::min(p.documents, kPart), work = p.queries * most * p.dim;
  const int64_t share = pieces(pieces(p.dim, columns), workers(work)) * columns;
  const int64_t apart = columns * most;
  float* const panels = room(panel_, workers(work), apart);
  float* const buffer = rows_.reserve(compact_ ? std::max<int64_t>(1, most * p.dim) : 1);
  if (!panels || !buffer) return false;
  if (p.documents == 0) std::fill(out, out + p.queries * p.dim, 0.0f);
  for (int64_t m = 0; m < p.documents; m += kPart) {
    const int64_t part = std::min(kPart, p.documents - m);
    if (compact_)
      each(part, 1, 4 * part * p.dim, [&](int, int64_t first, int64_t last) {
        document_rows(p, m + first, last - first, buffer + first * p.dim);
      });
    const float* const documents = compact_ ? buffer : document_.x + m * p.dim;
    each(p.dim, share, work, [&](int worker, int64_t first, int64_t last) {
      float* const panel = panels + worker * apart;
      for (int64_t c = first; c < last; c += columns) {
        const int64_t n = std::min(columns, last - c);
        kernels_.pack_columns(documents + c, p.dim, n, part, panel);
        kernels_.product(grad + m, p.documents, 1, p.queries, panel, part, n, out + c, p.dim, m == 0);
      }
    });
  }
  return true;
}

// The pairs of each document in order: starts_ [documents + 1], at_ (its queries) and weights_ (the gradients).
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

// Where the sums of all documents are between blocks of queries: the gradients' own memory, if nothing else is needed there.
float* Scorer::block_sums(const Pairs& p, const Gradients& g) {
  const int64_t bytes = p.documents * p.dim * int64_t(sizeof(float));
  const int64_t read = p.documents * p.row_size() * size_of(p.document.type);
  const bool apart = g.document.data + bytes <= p.document.data || p.document.data + read <= g.document.data;
  if (apart && g.document.type == DType::float32 && !g.accumulate && p.row_size() == p.dim)
    return reinterpret_cast<float*>(g.document.data);
  return block_sums_.reserve(std::max<int64_t>(1, p.documents * p.dim));
}

// Threads take blocks of documents: their part of G, with its rows along the queries, meets the packed queries.
bool Scorer::document_grads_of_all(const Pairs& p, const Gradients& g) {
  const int64_t columns = kernels_.columns, tile = 6 * kernels_.rows, work = p.queries * p.documents * p.dim;
  const int64_t parts = pieces(p.queries, kPart), panel = columns * kPart;
  const int64_t across = pieces(p.dim, columns);
  const bool whole = g.first && g.last;
  float* const panels = panels_.reserve(std::max<int64_t>(1, parts * across * panel));
  const int64_t apart = tile * std::min(p.queries, kPart);
  // The sums of a tile, or of one document that is being finished; the document, and scratch space.
  const int64_t sums_size = (whole ? tile : 1) * p.dim, block_apart = pieces(sums_size + 2 * p.dim, 16) * 16;
  float* const tiles = room(tiles_, workers(work), apart);
  float* const blocks = room(block_, workers(work), block_apart);
  float* const kept = whole ? nullptr : block_sums(p, g);
  if (!panels || !tiles || !blocks || (!whole && !kept)) return false;
  each(across, 1, 2 * p.queries * p.dim, [&](int, int64_t first, int64_t last) {
    for (int64_t part = 0; part < parts; part++)
      for (int64_t c = first; c < last; c++)
        kernels_.pack_columns(query_.x + part * kPart * p.dim + c * columns, p.dim,
                              std::min(columns, p.dim - c * columns), std::min(kPart, p.queries - part * kPart),
                              panels + (part * across + c) * panel);
  });
  each(p.documents, tile, work, [&](int worker, int64_t first, int64_t last) {
    float* const part_of_g = tiles + worker * apart;
    float* const block = blocks + worker * block_apart;
    float* const row = block + sums_size;
    for (int64_t m = first; m < last; m += tile) {
      const int64_t rows = std::min(tile, last - m);
      float* const sums = whole ? block : kept + m * p.dim;
      if (parts == 0 && g.first) std::fill(sums, sums + rows * p.dim, 0.0f);
      for (int64_t part = 0; part < parts; part++) {
        const int64_t b0 = part * kPart, n = std::min(kPart, p.queries - b0);
        for (int64_t b = 0; b < n; b++)
          std::memcpy(part_of_g + b * tile, g.scores + (b0 + b) * p.documents + m, size_t(rows) * sizeof(float));
        for (int64_t c = 0; c < across; c++)
          kernels_.product(part_of_g, 1, tile, rows, panels + (part * across + c) * panel, n,
                           std::min(columns, p.dim - c * columns), sums + c * columns, p.dim, part == 0 && g.first);
      }
      for (int64_t r = 0; g.last && r < rows; r++) {
        float* sum = sums + r * p.dim;
        if (!whole) {
          std::memcpy(block, sum, size_t(p.dim) * sizeof(float));
          sum = block;
        }
        const float* u = nullptr;
        InverseNorm inverse = 1;
        if (p.cosine && compact_) u = row, inverse = read_row(p, p.document, m + r, row);
        else if (p.cosine) u = document_.x + (m + r) * p.dim, inverse = document_.inverse.reserve(0)[m + r];
        kernels_.finish(sum, u, inverse, p.scale, p.dim, g.document, (m + r) * p.row_size(), g.accumulate, row + p.dim);
      }
    }
  });
  return true;
}

Status Scorer::backward(const Pairs& p, const Gradients& g, bool same_pairs, double& scale_grad) {
  if (g.first) scale_grad = 0;
  if (!(same_pairs && prepared(p)) && !prepare(p)) return no_memory();
  if (p.max_sim() && !has_winners_ && !max_sim(p, nullptr, true)) return no_memory();
  const bool sums = g.query || g.scale;
  // Sparse vectors are finished as wholes.
  const int64_t size = p.query_rows() * p.dim, rows = p.sparse() ? p.queries : p.query_rows();
  int64_t longest = p.dim;
  for (int64_t b = 0; p.sparse() && b < p.queries; b++) longest = std::max(longest, p.tokens_of_query(b));
  float* const query = sums ? sums_.reserve(std::max<int64_t>(1, size + pool_->threads() * longest)) : nullptr;
  if (sums && (!query || !(p.max_sim()  ? token_query_sums(p, g.scores, query)
                           : p.sparse() ? sparse_query_sums(p, g.scores, query)
                                        : query_sums(p, g.scores, query))))
    return no_memory();
  // Written last: a gradient may lie over its embeddings, which the other one reads.
  if (g.document && !(p.max_sim()  ? token_document_grads(p, g)
                      : p.sparse() ? sparse_document_grads(p, g)
                      : p.all      ? document_grads_of_all(p, g)
                                   : document_grads(p, g)))
    return no_memory();
  if (g.scale)
    for (int64_t i = 0; i < size; i++)
      // A query that no loss has read has gradient 0, whatever it holds.
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

namespace {

struct Found {
  float score;
  int32_t id;
};
bool better(const Found& a, const Found& b) { return a.score > b.score || (a.score == b.score && a.id < b.id); }

}  // namespace

Status Scorer::top(const Pairs& p, int64_t k, int32_t* ids, float* scores) {
  constexpr int64_t kQueries = 256, kDocuments = 8192;
  if (!prepare(p)) return no_memory();
  float* const block = block_.reserve(std::min(kQueries, p.queries) * std::min(kDocuments, p.documents) + 1);
  if (!block) return no_memory();
  for (int64_t b0 = 0; b0 < p.queries; b0 += kQueries) {
    const int64_t queries = std::min(kQueries, p.queries - b0);
    std::vector<std::vector<Found>> found{size_t(queries)};  // heaps, their worst at the top
    // Here, because an exception on a worker thread could not be caught.
    for (std::vector<Found>& heap : found) heap.reserve(size_t(std::min(k, p.documents)));
    for (int64_t m0 = 0; m0 < p.documents; m0 += kDocuments) {
      const int64_t n = std::min(kDocuments, p.documents - m0);
      if (p.dim == 0) std::fill(block, block + queries * n, 0.0f);
      else if (!all_scores(p, query_.x + b0 * p.dim, queries, m0, n, block)) return no_memory();
      each(queries, 1, 4 * queries * n, [&](int, int64_t first, int64_t last) {
        for (int64_t b = first; b < last; b++) {
          std::vector<Found>& heap = found[size_t(b)];
          for (int64_t i = 0; i < n && k > 0; i++) {
            const Found one{block[b * n + i] * p.scale, int32_t(m0 + i)};
            if (one.score != one.score) continue;
            const bool full = int64_t(heap.size()) == k;
            if (full && !better(one, heap.front())) continue;
            if (full) std::pop_heap(heap.begin(), heap.end(), better), heap.back() = one;
            else heap.push_back(one);
            std::push_heap(heap.begin(), heap.end(), better);
          }
        }
      });
    }
    for (int64_t b = 0; b < queries; b++) {
      std::vector<Found>& heap = found[size_t(b)];
      std::sort_heap(heap.begin(), heap.end(), better);
      for (int64_t i = 0; i < k; i++) {
        const bool there = i < int64_t(heap.size());
        ids[(b0 + b) * k + i] = there ? heap[size_t(i)].id : -1;
        scores[(b0 + b) * k + i] = there ? heap[size_t(i)].score : -INFINITY;
      }
    }
  }
  return {};
}

}  // namespace scoring
}  // namespace ckl
