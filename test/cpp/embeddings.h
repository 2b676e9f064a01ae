// Batches of embeddings for tests: made at random, scored and differentiated by the library and in double precision.
#pragma once
#include <string>
#include <vector>

#include "../../src/scoring/scoring.h"
#include "random.h"

namespace ckl {
namespace test {

typedef std::vector<float> Floats;
typedef std::vector<int32_t> Ints;

enum class Form { all, lists, candidates, ragged };

// Pairs with the memory that they point into. MaxSim's have tokens.
struct Embedded {
  scoring::Pairs pairs;
  Floats queries, documents, bias, grad;
  Ints candidates, offsets, query_tokens, document_tokens;
  std::vector<uint8_t> query_mask, document_mask;
  Ints query_ids, document_ids;

  void point();
};

Embedded make_embedded(Random& random, Form form, int64_t queries, int64_t docs, int64_t dim, bool cosine = false);
// For MaxSim. Some queries and documents are empty; the others have up to this many tokens.
Embedded make_tokens(Random& random, Form form, int64_t queries, int64_t docs, int64_t dim, int most_query,
                     int most_document);

struct Scored {
  Floats scores, query_grad, document_grad;
  double scale_grad = 0;
};

enum class Keep { vectors_and_winners, nothing };

// Scores and all gradients, by one scorer. Throws std::runtime_error where that fails.
Scored score(Embedded& embedded, const cpu::Target& target, int threads, Keep keep = Keep::vectors_and_winners);

bool same(const Floats& a, const Floats& b);
bool same(const Scored& a, const Scored& b);

// The same in double precision, and for each number the sum of the magnitudes it is made of.
struct ExactScored {
  std::vector<double> scores, query_grad, document_grad, score_size, query_size, document_size;
  double scale_grad = 0, scale_size = 0;
};
ExactScored score_exactly(Embedded& embedded);

// The largest error, in float32 roundings of all that a number is the sum of.
double error(const Floats& found, const std::vector<double>& right, const std::vector<double>& size);
// CHECKs an error of every number of a result. A chain's roundings grow like the root of its length; the bound holds for
// every seed that was tried.
void check_scored(const Scored& found, const ExactScored& right, const std::string& about);

}  // namespace test
}  // namespace ckl
