// Exact search: blocks of scores, and the best of each query on a heap.
#include <algorithm>
#include <cmath>

#include "scoring.h"

namespace ckl {
namespace scoring {

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
    std::vector<std::vector<Found>> found{size_t(queries)};  // heaps with the worst at the top
    // Allocated here because an exception on a worker thread could not be caught.
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
