// Sparse vectors: the bits of the same vectors held densely, on every instruction set with fma and for every thread count.
#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "embeddings.h"

namespace ckl {
namespace test {
namespace {

constexpr int64_t kTerms = 150;

// Leaves some elements of each dense vector, and puts zeros in place of the others.
void thin(Floats& dense, Floats& values, Ints& ids, Ints& offsets, Random& random) {
  offsets.push_back(0);
  for (size_t i = 0; i < dense.size(); i++) {
    if (random.below(6) == 0 && i / kTerms % 7 != 2) values.push_back(dense[i]), ids.push_back(int32_t(i % kTerms));
    else dense[i] = 0;
    if (i % kTerms == kTerms - 1) offsets.push_back(int32_t(ids.size()));
  }
}

Floats held(const Floats& grad, const Ints& ids, const Ints& offsets) {
  Floats left;
  for (size_t v = 0; v + 1 < offsets.size(); v++)
    for (size_t i = size_t(offsets[v]); i < size_t(offsets[v + 1]); i++)
      left.push_back(grad[v * size_t(kTerms) + size_t(ids[i])]);
  return left;
}

TEST_CASE("sparse: scores and gradients have the bits of dense vectors, for any thread count") {
  Random random(41);
  for (const Form form : {Form::all, Form::lists, Form::candidates, Form::ragged}) {
    Embedded dense = make_embedded(random, form, 9, 17, kTerms);
    Embedded sparse = dense;
    sparse.queries.clear(), sparse.documents.clear();
    thin(dense.queries, sparse.queries, sparse.query_ids, sparse.query_tokens, random);
    thin(dense.documents, sparse.documents, sparse.document_ids, sparse.document_tokens, random);
    sparse.pairs.dim = 1, sparse.pairs.terms = kTerms;
    for (const cpu::Target& target : cpu::targets()) {
      const Scored right = score(dense, target, 1);
      for (const int threads : {1, 2, 5}) {
        const Scored found = score(sparse, target, threads);
        CHECK_MESSAGE(same(found.scores, right.scores), target.name);
        CHECK(same(found.query_grad, held(right.query_grad, sparse.query_ids, sparse.query_tokens)));
        CHECK(same(found.document_grad, held(right.document_grad, sparse.document_ids, sparse.document_tokens)));
        CHECK(std::abs(found.scale_grad - right.scale_grad) < 1e-4);
      }
      // A pair whose gradient is 0 passes nothing on, whatever it holds.
      Embedded spoilt = sparse;
      spoilt.documents[size_t(spoilt.document_tokens[1])] = NAN;
      for (int64_t b = 0; b < 9; b++)
        for (int64_t i = 0; i < spoilt.pairs.length(b); i++)
          if (spoilt.pairs.document_at(b, i) == 1) spoilt.grad[size_t(spoilt.pairs.begin(b) + i)] = 0;
      for (float g : score(spoilt, target, 1).query_grad) CHECK(std::isfinite(g));
    }
    std::swap(sparse.document_ids[3], sparse.document_ids[4]);
    sparse.point();
    const scoring::Status status = check_pairs(sparse.pairs);
    CHECK(status.code == scoring::Code::term);
    CHECK(status.argument == scoring::Argument::document_ids);
    CHECK(status.index == 4);
    CHECK(status.required == kTerms);
    sparse.document_ids[4] = sparse.document_ids[3];
    CHECK(check_pairs(sparse.pairs).index == 4);
    sparse.document_ids[4] = sparse.document_ids[3] + 1;
    const int32_t end = sparse.query_tokens[1];
    sparse.query_ids[size_t(end - 1)] = kTerms;
    CHECK(check_pairs(sparse.pairs).argument == scoring::Argument::query_ids);
    CHECK(check_pairs(sparse.pairs).index == end - 1);
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
