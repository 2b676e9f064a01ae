// Blocks of queries of one batch, whose documents are read again for each: the bits of the whole.
#include <doctest/doctest.h>

#include <algorithm>

#include "embeddings.h"

namespace ckl {
namespace test {
namespace {

// In blocks of this many queries, by one scorer.
Scored score_blocks(Embedded& e, const cpu::Target& target, int threads, int64_t size, Scored r) {
  e.point();
  scoring::Scorer scorer(target, std::make_shared<cpu::Pool>(threads));
  const int64_t queries = e.pairs.queries, documents = e.pairs.documents, dim = e.pairs.dim;
  for (int64_t b = 0; b < queries; b += size) {
    scoring::Pairs block = e.pairs;
    block.compact = true;
    block.queries = block.lists.queries = std::min(size, queries - b);
    block.query.data += b * dim * int64_t(sizeof(float));
    scoring::Gradients g;
    g.scores = e.grad.data() + b * documents, g.scale = true;
    g.query = {reinterpret_cast<char*>(r.query_grad.data() + b * dim), DType::float32};
    g.document = {reinterpret_cast<char*>(r.document_grad.data()), DType::float32};
    g.first = b == 0, g.last = b + size >= queries;
    REQUIRE(scorer.scores(block, e.bias.data(), r.scores.data() + b * documents).ok());
    REQUIRE(scorer.backward(block, g, true, r.scale_grad).ok());
  }
  return r;
}

TEST_CASE(
    "blocks of queries have the bits of the whole batch, whatever the block, the threads and the memory of the sums") {
  Random random(31);
  for (const bool cosine : {false, true}) {
    Embedded e = make_embedded(random, Form::all, 37, 417, 50, cosine);
    for (const cpu::Target& target : cpu::targets()) {
      const Scored right = score(e, target, 1);
      Scored spoilt = right;
      for (Floats* x : {&spoilt.scores, &spoilt.query_grad, &spoilt.document_grad})
        std::fill(x->begin(), x->end(), 5.0f);
      for (const int64_t size : {1, 3, 16, 40}) {
        CHECK_MESSAGE(same(score_blocks(e, target, 1, size, spoilt), right), target.name);
        CHECK_MESSAGE(same(score_blocks(e, target, 3, size, spoilt), right), target.name);
      }
    }
  }
}

TEST_CASE("blocks of queries: an empty one changes nothing") {
  Random random(33);
  Embedded e = make_embedded(random, Form::all, 5, 90, 20, true);
  const cpu::Target& target = cpu::targets().back();
  const Scored right = score(e, target, 1);
  e.point();
  scoring::Scorer scorer(target, std::make_shared<cpu::Pool>(1));
  Floats scores(5 * 90), grad(e.documents.size());
  double scale_grad = 0;
  for (const int64_t queries : {5, 0}) {
    scoring::Pairs block = e.pairs;
    block.compact = true, block.queries = queries;
    scoring::Gradients g;
    g.scores = e.grad.data(), g.first = queries > 0, g.last = queries == 0;
    g.document = {reinterpret_cast<char*>(grad.data()), DType::float32};
    REQUIRE(scorer.scores(block, nullptr, scores.data()).ok());
    REQUIRE(scorer.backward(block, g, true, scale_grad).ok());
  }
  CHECK(same(grad, right.document_grad));
}

TEST_CASE("blocks of queries whose gradient lies over the documents") {
  Random random(32);
  Embedded e = make_embedded(random, Form::all, 9, 130, 20, true);
  const cpu::Target& target = cpu::targets().back();
  const Scored right = score(e, target, 1);
  const Floats documents = e.documents;
  scoring::Scorer scorer(target, std::make_shared<cpu::Pool>(2));
  double scale_grad = 0;
  Floats scores(9 * 130);
  for (int64_t b = 0; b < 9; b += 4) {
    scoring::Pairs block = e.pairs;
    block.compact = true, block.queries = std::min<int64_t>(4, 9 - b);
    block.query.data += b * 20 * int64_t(sizeof(float));
    scoring::Gradients g;
    g.scores = e.grad.data() + b * 130, g.first = b == 0, g.last = b + 4 >= 9;
    g.document = {reinterpret_cast<char*>(e.documents.data()), DType::float32};
    CHECK(same(e.documents, documents));
    REQUIRE(scorer.scores(block, nullptr, scores.data()).ok());
    REQUIRE(scorer.backward(block, g, true, scale_grad).ok());
  }
  CHECK(same(e.documents, right.document_grad));
}

}  // namespace
}  // namespace test
}  // namespace ckl
