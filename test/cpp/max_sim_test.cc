// MaxSim: scores and gradients right against double precision, ties to the first token, the same bits on every instruction
// set with fma, for every thread count, batch and form of the lists.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "embeddings.h"

namespace ckl {
namespace test {
namespace {

using scoring::Gradients;
using scoring::Scorer;

const Form kForms[] = {Form::all, Form::lists, Form::candidates};

TEST_CASE("MaxSim: scores and gradients are those of double precision") {
  Random random(21);
  for (const Form form : kForms)
    for (const bool cosine : {false, true})
      for (const bool mean : {false, true})
        for (const int64_t dim : {3, 16, 77, 401}) {
          Embedded c = make_tokens(random, form, 7, 12, dim, 37, 45);
          c.pairs.cosine = cosine, c.pairs.mean = mean;
          const ExactScored right = score_exactly(c);
          for (const cpu::Target& target : cpu::targets()) {
            const Scored r = score(c, target, 1);
            const std::string about = std::string(target.name) + ", form " + std::to_string(int(form)) + ", dim " +
                                      std::to_string(dim) + (cosine ? ", cosine" : "") + (mean ? ", mean" : "");
            check_scored(r, right, about);
          }
        }
}

TEST_CASE("MaxSim: the same bits on all instruction sets with fma, for any thread count, from kept or fresh winners") {
  Random random(22);
  for (const Form form : kForms)
    for (const bool cosine : {false, true}) {
      Embedded c = make_tokens(random, form, 9, 14, 129, 40, 190);
      c.pairs.cosine = cosine, c.pairs.mean = cosine;
      const Scored first = score(c, cpu::targets().back(), 1);
      for (const cpu::Target& target : cpu::targets()) {
        const Scored one = score(c, target, 1, Keep::nothing);
        if (std::string(target.name) != "baseline") CHECK_MESSAGE(same(one, first), target.name);
        for (const int threads : {2, 3, 8}) CHECK_MESSAGE(same(score(c, target, threads), one), target.name);
      }
    }
}

TEST_CASE("MaxSim: bits do not depend on the batch or on the form of the lists; one token each is the dot product") {
  Random random(23);
  Embedded all = make_tokens(random, Form::all, 8, 13, 50, 35, 100);
  for (const cpu::Target& target : cpu::targets()) {
    const Scored whole = score(all, target, 2);
    Embedded lists = all;
    lists.pairs.all = false, lists.pairs.lists.docs = lists.pairs.lists.stride = 13;
    for (int32_t i = 0; i < 8 * 13; i++) lists.candidates.push_back(i % 13);
    CHECK(same(score(lists, target, 1), whole));
    Embedded part = all;
    part.pairs.queries = part.pairs.lists.queries = 3;
    part.query_tokens.resize(4), part.queries.resize(size_t(part.query_tokens[3]) * 50), part.grad.resize(3 * 13);
    const Scored r = score(part, target, 1);
    CHECK(same(r.scores, Floats(whole.scores.begin(), whole.scores.begin() + 3 * 13)));
    CHECK(
        same(r.query_grad, Floats(whole.query_grad.begin(), whole.query_grad.begin() + int64_t(r.query_grad.size()))));

    Embedded one = all;
    one.query_tokens.clear(), one.document_tokens.clear();
    for (int32_t i = 0; i <= 8; i++) one.query_tokens.push_back(i);
    for (int32_t i = 0; i <= 13; i++) one.document_tokens.push_back(i);
    one.queries.resize(8 * 50), one.documents.resize(13 * 50);
    const Scored found = score(one, target, 1);
    one.pairs.query_tokens = one.pairs.document_tokens = nullptr;
    Scorer scorer(target, std::make_shared<cpu::Pool>(1));
    Floats dots(8 * 13);
    REQUIRE(scorer.scores(one.pairs, one.bias.data(), dots.data()).ok());
    CHECK(same(found.scores, dots));
  }
}

TEST_CASE("MaxSim: ties go to the first token, also across tiles; NaN counts as largest") {
  for (const cpu::Target& target : cpu::targets()) {
    Embedded c;
    c.pairs.dim = 2, c.pairs.all = true, c.pairs.queries = 1, c.pairs.documents = 1, c.pairs.lists.queries = 1;
    c.query_tokens = {0, 33}, c.document_tokens = {0, 300}, c.grad = {1};
    for (int t = 0; t < 33; t++) c.queries.push_back(float(t + 1)), c.queries.push_back(0);
    for (int u = 0; u < 300; u++)
      c.documents.push_back(u == 41 || u >= 97 ? 2.0f : -1.0f), c.documents.push_back(float(u));
    Scored r = score(c, target, 1);
    CHECK(r.scores[0] == 2 * 33 * 34 / 2);
    for (int u = 0; u < 300; u++) CHECK(r.document_grad[size_t(2 * u)] == (u == 41 ? 33 * 34 / 2 : 0));
    for (int t = 0; t < 33; t++) CHECK(r.query_grad[size_t(2 * t + 1)] == 41);

    c.documents[2 * 250] = c.documents[2 * 260] = NAN;
    r = score(c, target, 1);
    CHECK(std::isnan(r.scores[0]));
    CHECK(r.document_grad[2 * 250] == 33 * 34 / 2);
    CHECK(r.document_grad[2 * 41] == 0);
    CHECK(r.document_grad[2 * 260] == 0);
    c.grad = {0};  // a pair that no loss has read passes nothing on
    r = score(c, target, 1);
    for (float g : r.query_grad) CHECK(g == 0);
    for (float g : r.document_grad) CHECK(g == 0);
  }
}

TEST_CASE("MaxSim: a query without tokens scores 0, a document without any -infinity, whatever the scale") {
  for (const cpu::Target& target : cpu::targets())
    for (const float scale : {1.0f, -2.0f, 0.0f}) {
      Embedded c;
      c.pairs.dim = 1, c.pairs.all = true, c.pairs.queries = 2, c.pairs.documents = 2, c.pairs.lists.queries = 2;
      c.pairs.scale = scale, c.pairs.mean = true;
      c.query_tokens = {0, 0, 1}, c.document_tokens = {0, 0, 2}, c.queries = {3}, c.documents = {-1, 2};
      c.grad = {1, 1, 1, 1};
      const Scored r = score(c, target, 2);
      CHECK(r.scores[0] == -INFINITY);
      CHECK(r.scores[1] == 0);
      CHECK(r.scores[2] == -INFINITY);
      CHECK(r.scores[3] == 6 * scale);
      CHECK(r.query_grad[0] == 2 * scale);
      CHECK(r.document_grad[0] == 0);
      CHECK(r.document_grad[1] == 3 * scale);
    }
}

// Leaves out the rows whose byte is 0, here and in the offsets.
void drop_masked(Floats& x, Ints& tokens, std::vector<uint8_t>& mask, size_t dim) {
  Floats left;
  Ints offsets{0};
  for (size_t i = 0; i + 1 < tokens.size(); i++) {
    for (size_t t = size_t(tokens[i]); t < size_t(tokens[i + 1]); t++)
      if (mask[t]) left.insert(left.end(), x.begin() + int64_t(t * dim), x.begin() + int64_t((t + 1) * dim));
    offsets.push_back(int32_t(left.size() / dim));
  }
  x = left, tokens = offsets, mask.clear();
}

// The rows of a gradient whose byte is 1; the others must be 0.
Floats unmasked(const Floats& grad, const std::vector<uint8_t>& mask, size_t dim) {
  Floats left;
  for (size_t i = 0; i < grad.size(); i++) {
    if (mask[i / dim]) left.push_back(grad[i]);
    else CHECK(grad[i] == 0);
  }
  return left;
}

TEST_CASE("MaxSim: tokens that are masked are as if they were not there, whatever they hold") {
  Random random(25);
  for (const Form form : kForms)
    for (const bool cosine : {false, true}) {
      Embedded c = make_tokens(random, form, 7, 9, 40, 37, 120);
      c.pairs.cosine = cosine, c.pairs.mean = cosine;
      const auto mask = [&](Floats& x, const Ints& tokens, std::vector<uint8_t>& kept) {
        for (size_t i = 0; i + 1 < tokens.size(); i++)  // scattered ones, padding at the end, and whole documents
          for (int32_t t = tokens[i]; t < tokens[i + 1]; t++) {
            kept.push_back(random.below(5) > 0 && t < tokens[i + 1] - int32_t(i % 3) * 9 && i % 8 != 5);
            if (!kept.back()) x[size_t(t) * 40 + 3] = NAN;
          }
      };
      mask(c.queries, c.query_tokens, c.query_mask), mask(c.documents, c.document_tokens, c.document_mask);
      Embedded without = c;
      drop_masked(without.queries, without.query_tokens, without.query_mask, 40);
      drop_masked(without.documents, without.document_tokens, without.document_mask, 40);
      for (const cpu::Target& target : cpu::targets()) {
        const Scored right = score(without, target, 1);
        Scored found = score(c, target, 3);
        found.query_grad = unmasked(found.query_grad, c.query_mask, 40);
        found.document_grad = unmasked(found.document_grad, c.document_mask, 40);
        CHECK_MESSAGE(same(found.scores, right.scores), target.name);
        CHECK_MESSAGE(same(found, right), target.name);
      }
    }
}

TEST_CASE("MaxSim: gradients may lie over the embeddings and add up; offsets are checked") {
  Random random(24);
  for (const bool cosine : {false, true}) {
    Embedded c = make_tokens(random, Form::candidates, 6, 8, 20, 12, 30);
    c.pairs.cosine = cosine;
    const cpu::Target& target = cpu::targets().back();
    const Scored right = score(c, target, 1);
    Scorer scorer(target, std::make_shared<cpu::Pool>(2));
    double scale_grad;
    Floats sum(right.document_grad.size(), 0.5f);
    Gradients g;
    g.scores = c.grad.data(), g.accumulate = true;
    g.document = {reinterpret_cast<char*>(sum.data()), DType::float32};
    c.point();
    REQUIRE(scorer.backward(c.pairs, g, false, scale_grad).ok());
    for (size_t i = 0; i < sum.size(); i++) CHECK(sum[i] == 0.5f + right.document_grad[i]);
    Gradients over;
    over.scores = c.grad.data();
    over.query = {reinterpret_cast<char*>(c.queries.data()), DType::float32};
    over.document = {reinterpret_cast<char*>(c.documents.data()), DType::float32};
    REQUIRE(scorer.backward(c.pairs, over, false, scale_grad).ok());
    CHECK(same(c.queries, right.query_grad));
    CHECK(same(c.documents, right.document_grad));

    c.document_tokens[2] = 9999;
    CHECK(check_pairs(c.pairs).code == scoring::Code::offset);
    CHECK(check_pairs(c.pairs).argument == scoring::Argument::document_offsets);
    c.query_tokens[0] = 1;
    CHECK(check_pairs(c.pairs).argument == scoring::Argument::query_offsets);
    CHECK(check_pairs(c.pairs).index == 0);
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
