// Scores of embeddings and their gradients: what is computed on which thread, in the memory of one call at a time.
#pragma once
#include <memory>
#include <vector>

#include "../core/batch.h"
#include "../cpu/cpu_backend.h"
#include "kernel.h"

namespace ckl {
namespace scoring {

// What was wrong, and in which argument: lib/native/scoring.ts mirrors both enums.
enum class Code : int { ok = 0, type = 1, size = 2, candidate = 3, offset = 4, memory = 5, shape = 6 };
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
};

struct Status {
  Code code = Code::ok;
  Argument argument = Argument::none;
  int64_t index = -1;   // the element that is wrong
  double value = 0;     // what was found; Code::memory: the bytes asked for
  double required = 0;  // Code::size: the length needed
  bool ok() const { return code == Code::ok; }
};

// Queries [queries, dim], documents [documents, dim], and which pairs of them have a score: all of them (`all`, scores
// [queries, documents]), or lists: element i of `lists` is the score of document candidates[i], or without candidates of i.
struct Pairs {
  bool cosine = false, all = false;
  int64_t dim = 0, queries = 0, documents = 0;
  Rows lists;
  const int32_t* candidates = nullptr;  // -1: no document
  Scores query, document;
  float scale = 1;

  int64_t scores() const { return all ? queries * documents : lists.extent(); }
};

struct Gradients {
  const float* scores = nullptr;  // dL/dS, laid out like the scores
  MutableScores query, document;  // or null
  bool accumulate = false;        // add to what they hold
  bool scale = false;             // whether dL/dscale is wanted
};

// Candidates are -1 or a document; the lists lie one after the other. Sizes are those of the arguments already.
Status check_pairs(const Pairs& pairs);

class Scorer {
 public:
  Scorer(const cpu::Target& target, std::shared_ptr<cpu::Pool> pool);

  // out: scale times the dot product or the cosine, plus the document's bias; elements of no list are left alone.
  Status scores(const Pairs& pairs, const float* bias, float* out);
  // same_pairs: the last call was scores() of the same pairs, whose memory nobody has written to. Gradients may be written
  // over the embeddings. scale_grad: dL/dscale.
  Status backward(const Pairs& pairs, const Gradients& gradients, bool same_pairs, double& scale_grad);
  // For each query the k documents of the largest scores, best first, equal ones in order. Where there are fewer: -1 and
  // -infinity. NaN is no score.
  Status top(const Pairs& pairs, int64_t k, int32_t* ids, float* scores);

 private:
  struct Side {  // vectors as float32 rows, normalised for cosine
    cpu::Buffer rows, inverse;
    const float* x = nullptr;
  };

  bool prepare(const Pairs& pairs);
  bool prepared(const Pairs& pairs) const;
  bool prepare_side(const Pairs& pairs, Scores from, int64_t count, Side& side);
  bool all_scores(const float* queries, int64_t count, const float* documents, int64_t documents_count, int64_t dim,
                  float* out);
  bool query_sums(const Pairs& pairs, const float* grad, float* out);
  bool document_lists(const Pairs& pairs, const float* grad);
  bool document_grads(const Pairs& pairs, const Gradients& gradients);
  bool document_grads_of_all(const Pairs& pairs, const Gradients& gradients);
  int workers(int64_t multiplications) const;
  // Room for each of so many workers, this far apart.
  float* room(cpu::Buffer& buffer, int workers, int64_t floats);
  template <class Body>
  void each(int64_t count, int64_t size, int64_t work, Body body);

  const cpu::Target target_;
  const Kernels& kernels_;
  const std::shared_ptr<cpu::Pool> pool_;
  Pairs prepared_;  // what the two sides hold
  Side query_, document_;
  cpu::Buffer sums_, panels_, panel_, tiles_, block_, starts_, at_, weights_;
};

// The kernels of an instruction set, by the name of its target.
const Kernels& kernels_of(const cpu::Target& target);

}  // namespace scoring
}  // namespace ckl
