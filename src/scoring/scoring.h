// Scores of embeddings and their gradients: divides the work among threads, with scratch memory for one call at a time.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "../core/batch.h"
#include "../cpu/cpu_backend.h"
#include "kernel.h"

namespace ckl {
namespace scoring {

// What is wrong, and in which argument. lib/native/scoring.ts mirrors both enums.
enum class Code : int { ok = 0, type = 1, size = 2, candidate = 3, offset = 4, memory = 5, shape = 6, term = 7 };
enum class Argument : int {
  none = 0,
  queries = 1,
  documents = 2,
  candidates = 3,
  offsets = 4,
  bias = 5,
  scores = 6,
  grad = 7,
  query_grad = 8,
  document_grad = 9,
  ids = 10,
  query_offsets = 11,
  document_offsets = 12,
  query_mask = 13,
  document_mask = 14,
  query_ids = 15,
  document_ids = 16,
};

struct Status {
  Code code = Code::ok;
  Argument argument = Argument::none;
  int64_t index = -1;   // the invalid element
  double value = 0;     // its value; Code::memory: the bytes requested
  double required = 0;  // Code::size: the length needed
  bool ok() const { return code == Code::ok; }
};
inline Status no_memory() { return {Code::memory}; }

// Queries [queries, dim], documents [documents, dim], and which pairs of them have a score: all of them (`all`, scores
// [queries, documents]), or lists: element i of `lists` is the score of document candidates[i], or of document i
// without candidates. MaxSim: every query and document has several token vectors, those of query b in rows
// query_tokens[b] to query_tokens[b + 1]. The score is the sum over the query's tokens of the largest similarity with a
// token of the document, the first among equals; `mean` divides it by the number of the query's tokens. A query without
// tokens scores 0, a document without any -infinity. A token whose byte in a mask is 0 is ignored. Sparse: the elements
// of query b are query_tokens[b] to query_tokens[b + 1], query_ids are their terms in ascending order, and dim is 1.
// The score is the dot product.
struct Pairs {
  bool cosine = false, all = false, mean = false;
  bool compact = false;  // with `all`: documents are widened and normalised as they are read, and never held as a whole
  int64_t dim = 0, queries = 0, documents = 0;
  int64_t width = 0;  // elements per vector in memory, of which the first `dim` are read; 0 means dim
  Rows lists;
  const int32_t* candidates = nullptr;                                // -1: no document
  const int32_t *query_tokens = nullptr, *document_tokens = nullptr;  // both, or null: a vector each
  const uint8_t *query_mask = nullptr, *document_mask = nullptr;      // a byte per vector, or null
  const int32_t *query_ids = nullptr, *document_ids = nullptr;        // sparse: both, a term per element; or null
  int64_t terms = 0;                                                  // of the vocabulary
  Scores query, document;
  float scale = 1;

  int64_t scores() const { return all ? queries * documents : lists.extent(); }
  // The first score of a query, and the number of its scores.
  int64_t begin(int64_t b) const { return all ? b * documents : lists.begin(b); }
  int64_t length(int64_t b) const { return all ? documents : lists.length(b); }
  // The document of score i of query b; -1 if there is none.
  int64_t document_at(int64_t b, int64_t i) const {
    return all ? i : candidates ? candidates[lists.begin(b) + i] : lists.begin(b) + i;
  }
  int64_t tokens_of_query(int64_t b) const { return query_tokens[b + 1] - query_tokens[b]; }
  int64_t tokens_of_document(int64_t m) const { return document_tokens[m + 1] - document_tokens[m]; }
  bool has_token(int64_t query_row) const { return !query_mask || query_mask[query_row]; }
  bool no_tokens(int64_t document) const {
    if (!max_sim()) return false;
    for (int64_t u = document_tokens[document]; u < document_tokens[document + 1]; u++)
      if (!document_mask || document_mask[u]) return false;
    return true;
  }
  // The divisor of a mean.
  float divisor(int64_t b) const {
    int64_t n = 0;
    for (int64_t t = query_tokens[b]; t < query_tokens[b + 1]; t++) n += has_token(t);
    return float(n > 0 ? n : 1);
  }
  bool sparse() const { return query_ids != nullptr; }
  bool max_sim() const { return query_tokens != nullptr && !sparse(); }
  int64_t row_size() const { return width > 0 ? width : dim; }
  int64_t query_rows() const { return query_tokens ? query_tokens[queries] : queries; }
  int64_t document_rows() const { return document_tokens ? document_tokens[documents] : documents; }
};

struct Gradients {
  const float* scores = nullptr;  // dL/dS, laid out like the scores
  MutableScores query, document;  // or null
  bool accumulate = false;        // add to their contents
  bool scale = false;             // whether to compute dL/dscale
  // With `all`: these queries are one block of a batch. Sums continue those of the block before, and the last block
  // finishes them.
  bool first = true, last = true;
};

// Checks that candidates are -1 or a document, and that lists follow one another. Sizes must have been checked.
Status check_pairs(const Pairs& pairs);
// Checks that offsets of tokens start at 0 and never decrease. Part of check_pairs().
Status check_tokens(const Pairs& pairs);

// Terms of a chain that a panel holds at a time, so that it fits in the first two cache levels.
constexpr int64_t kPart = 384;

// Tiles whose products are searched together.
constexpr int64_t kTiles = 6;

constexpr int64_t pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

class Scorer {
 public:
  Scorer(const cpu::Target& target, std::shared_ptr<cpu::Pool> pool);

  // out: scale times the similarity, plus the document's bias; elements outside the lists are left unchanged.
  // keep_winners: keeps MaxSim's winners, one number per score and token of its query, for backward() of the same
  // pairs.
  Status scores(const Pairs& pairs, const float* bias, float* out, bool keep_winners = false);
  // same_pairs: the last call was scores() of the same pairs, whose memory has not been written to since. Gradients may
  // overwrite the embeddings; in wider vectors only the first `dim` elements get one. scale_grad: dL/dscale; unless
  // this is the first block, it holds the sum of the blocks before. Between blocks g.document may hold intermediate
  // sums.
  Status backward(const Pairs& pairs, const Gradients& gradients, bool same_pairs, double& scale_grad);
  // For each query the k documents with the largest scores, best first, ties in document order. Missing ones are -1
  // with score -infinity. NaN does not count as a score.
  Status top(const Pairs& pairs, int64_t k, int32_t* ids, float* scores);

 private:
  struct Side {  // vectors as float32 rows, normalised for cosine
    cpu::Buffer rows, inverse;
    const float* x = nullptr;
  };

  bool prepare(const Pairs& pairs);
  bool prepared(const Pairs& pairs) const;
  bool prepare_side(const Pairs& pairs, Scores from, int64_t count, Side& side);
  InverseNorm read_row(const Pairs& pairs, Scores from, int64_t r, float* row) const;
  const float* document_rows(const Pairs& pairs, int64_t first, int64_t count, float* buffer) const;
  // Below, query sums are the gradients with respect to each query, before the scale: [queries, dim].
  // In all_pairs.cc.
  bool all_scores(const Pairs& pairs, const float* queries, int64_t count, int64_t first_document,
                  int64_t documents_count, float* out);
  bool query_sums_of_all(const Pairs& pairs, const float* grad, float* out);
  bool document_grads_of_all(const Pairs& pairs, const Gradients& gradients);
  float* block_sums(const Pairs& pairs, const Gradients& gradients);
  // In lists.cc.
  bool query_sums_of_lists(const Pairs& pairs, const float* grad, float* out);
  bool document_lists(const Pairs& pairs, const float* grad);
  bool document_grads(const Pairs& pairs, const Gradients& gradients);
  // In max_sim.cc. out and winners may be null.
  void place_winners(const Pairs& pairs);
  bool pack_tokens(const Pairs& pairs);
  void best_tokens(const Pairs& pairs, const float* panel, int64_t document, float* best, int32_t* winner,
                   float* block) const;
  bool max_sim(const Pairs& pairs, float* out, bool keep_winners);
  const float* token_weights(const Pairs& pairs, const float* grad);
  bool token_query_sums(const Pairs& pairs, const float* grad, float* out);
  bool places_of_documents(const Pairs& pairs);
  bool token_document_grads(const Pairs& pairs, const Gradients& gradients);
  // In sparse.cc.
  float* dense_room(const Pairs& pairs, int64_t work, int64_t besides);
  bool sparse_scores(const Pairs& pairs, float* out);
  bool sparse_query_sums(const Pairs& pairs, const float* grad, float* out);
  bool sparse_document_grads(const Pairs& pairs, const Gradients& gradients);
  int workers(int64_t multiplications) const;
  // Scratch space for this many workers, at this distance from each other.
  float* room(cpu::Buffer& buffer, int workers, int64_t floats);
  // Calls body(worker, first, last) over [0, count), in pieces that are multiples of `size`. work: the total number of
  // multiplications.
  template <class Body>
  void each(int64_t count, int64_t size, int64_t work, Body body) {
    const int threads = workers(work);
    if (threads == 1) return body(0, int64_t(0), count);
    const int64_t step = std::max<int64_t>(1, pieces(count, size) / (threads * 8)) * size;
    pool_->run(threads, int(pieces(count, step)),
               [&](int worker, int k) { body(worker, k * step, std::min(count, (k + 1) * step)); });
  }

  const cpu::Target target_;
  const Kernels& kernels_;
  const std::shared_ptr<cpu::Pool> pool_;
  Pairs prepared_;  // the pairs whose vectors the two sides hold
  Side query_, document_;
  cpu::Buffer sums_, panels_, panel_, tiles_, block_, starts_, at_, weights_, winners_, rows_, block_sums_;
  bool compact_ = false;                                 // documents are only read through document_rows()
  bool has_winners_ = false;                             // of prepared_
  std::vector<int64_t> pair_at_, winner_at_, panel_at_;  // index of each query's first, and the end
};

// The kernels of an instruction set, by the name of its target.
const Kernels& kernels_of(const cpu::Target& target);

}  // namespace scoring
}  // namespace ckl
