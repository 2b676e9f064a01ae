// Scores of embeddings and their gradients: right against double precision, and the same bits on every instruction set with
// fma, for every thread count and batch.
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

const Form kForms[] = {Form::all, Form::lists, Form::candidates, Form::ragged};

TEST_CASE("scores and gradients are those of double precision") {
  Random random(5);
  for (const Form form : kForms)
    for (const bool cosine : {false, true})
      for (const int64_t dim : {1, 15, 64, 77, 801}) {
        Embedded c = make_embedded(random, form, 19, 45, dim, cosine);
        const ExactScored right = score_exactly(c);
        for (const cpu::Target& target : cpu::targets()) {
          const Scored r = score(c, target, 1);
          const std::string about = std::string(target.name) + ", form " + std::to_string(int(form)) + ", dim " +
                                    std::to_string(dim) + (cosine ? ", cosine" : "");
          check_scored(r, right, about);
        }
      }
}

TEST_CASE("the same bits on all instruction sets with fma, for any thread count, from kept or fresh vectors") {
  Random random(6);
  for (const Form form : kForms)
    for (const bool cosine : {false, true}) {
      Embedded c = make_embedded(random, form, 37, form == Form::all ? 517 : 46, 391, cosine);
      const Scored first = score(c, cpu::targets().back(), 1);
      for (const cpu::Target& target : cpu::targets()) {
        const bool fused = std::string(target.name) != "baseline";
        const Scored one = score(c, target, 1, Keep::nothing);
        if (fused) CHECK_MESSAGE(same(one, first), target.name);
        for (const int threads : {2, 3, 8}) CHECK_MESSAGE(same(score(c, target, threads), one), target.name);
      }
    }
}

TEST_CASE("a score's bits depend on its two vectors alone, a query's gradient on its list alone") {
  Random random(7);
  for (const bool cosine : {false, true}) {
    Embedded all = make_embedded(random, Form::all, 29, 411, 200, cosine);
    for (const cpu::Target& target : cpu::targets()) {
      const Scored whole = score(all, target, 2);
      for (const int64_t queries : {1, 3, 4, 15}) {
        Embedded part = all;
        part.pairs.queries = part.pairs.lists.queries = queries;
        part.queries.resize(size_t(queries * 200)), part.grad.resize(size_t(queries * 411));
        const Scored r = score(part, target, 1);
        CHECK(same(r.scores, Floats(whole.scores.begin(), whole.scores.begin() + queries * 411)));
        CHECK(same(r.query_grad, Floats(whole.query_grad.begin(), whole.query_grad.begin() + queries * 200)));
      }
      // As lists of all documents: another shape of work, the same sums.
      Embedded lists = all;
      lists.pairs.all = false;
      lists.pairs.lists.docs = lists.pairs.lists.stride = 411;
      for (int64_t i = 0; i < 29 * 411; i++) lists.candidates.push_back(int32_t(i % 411));
      CHECK(same(score(lists, target, 2), whole));
    }
  }
}

TEST_CASE("gradients add up on request, are rounded once to half precision, and may lie over the embeddings") {
  Random random(8);
  for (const Form form : {Form::all, Form::candidates})
    for (const bool cosine : {false, true}) {
      Embedded c = make_embedded(random, form, 9, 21, 70, cosine);
      const cpu::Target& target = cpu::targets().back();
      const Scored right = score(c, target, 1);
      Scorer scorer(target, std::make_shared<cpu::Pool>(2));
      double scale_grad;

      Floats sum(right.query_grad.size(), 0.5f);
      Gradients g;
      g.scores = c.grad.data(), g.accumulate = true;
      g.query = {reinterpret_cast<char*>(sum.data()), DType::float32};
      c.point();
      REQUIRE(scorer.backward(c.pairs, g, false, scale_grad).ok());
      for (size_t i = 0; i < sum.size(); i++) CHECK(sum[i] == 0.5f + right.query_grad[i]);

      std::vector<uint16_t> half(right.document_grad.size());
      Gradients h;
      h.scores = c.grad.data(), h.document = {reinterpret_cast<char*>(half.data()), DType::bfloat16};
      REQUIRE(scorer.backward(c.pairs, h, false, scale_grad).ok());
      for (size_t i = 0; i < half.size(); i++) {
        uint32_t word;
        std::memcpy(&word, &right.document_grad[i], 4);
        CHECK(half[i] == uint16_t((word + 0x7fff + (word >> 16 & 1)) >> 16));
      }

      Gradients over;
      over.scores = c.grad.data();
      over.query = {reinterpret_cast<char*>(c.queries.data()), DType::float32};
      over.document = {reinterpret_cast<char*>(c.documents.data()), DType::float32};
      REQUIRE(scorer.backward(c.pairs, over, false, scale_grad).ok());
      CHECK(same(c.queries, right.query_grad));
      CHECK(same(c.documents, right.document_grad));
    }
}

TEST_CASE("of wider vectors the first elements are read and get a gradient") {
  Random random(13);
  for (const Form form : kForms)
    for (const bool cosine : {false, true}) {
      Embedded narrow = make_embedded(random, form, 7, 13, 33, cosine);
      Embedded wide = narrow;
      wide.pairs.width = 40;
      const auto widen = [](const Floats& x) {
        Floats rows;
        for (size_t r = 0; r < x.size() / 33; r++) {
          rows.insert(rows.end(), x.begin() + int64_t(r * 33), x.begin() + int64_t((r + 1) * 33));
          rows.insert(rows.end(), 7, NAN);
        }
        return rows;
      };
      wide.queries = widen(narrow.queries), wide.documents = widen(narrow.documents);
      for (const cpu::Target& target : cpu::targets()) {
        const Scored right = score(narrow, target, 1);
        const Scored found = score(wide, target, 2);
        CHECK(same(found.scores, right.scores));
        const auto compare = [](const Floats& w, const Floats& n) {
          for (size_t i = 0; i < w.size(); i++) CHECK(w[i] == (i % 40 < 33 ? n[i / 40 * 33 + i % 40] : -7));
        };
        compare(found.query_grad, right.query_grad), compare(found.document_grad, right.document_grad);
      }
    }
}

TEST_CASE("zero vectors, vast and tiny ones, and vectors that are not finite") {
  Random random(9);
  for (const cpu::Target& target : cpu::targets()) {
    Embedded c = make_embedded(random, Form::all, 5, 40, 33, true);
    c.bias.clear(), c.pairs.scale = 1;
    for (size_t i = 0; i < 33; i++) c.queries[33 + i] = 0, c.documents[i] *= 1e37f, c.documents[33 + i] *= 1e-36f;
    const Scored r = score(c, target, 1);
    for (float s : r.scores) CHECK(std::fabs(s) <= 1.00001f);
    for (size_t i = 0; i < 40; i++) CHECK(r.scores[40 + i] == 0);
    for (size_t i = 0; i < 33; i++) CHECK(r.query_grad[33 + i] == 0);
    for (float g : r.document_grad) CHECK(std::isfinite(g));

    // One document that is not finite, and a pair of weight 0: what reads neither is not touched.
    for (const bool all : {true, false}) {
      for (const bool cosine : {true, false}) {
        Embedded bad = make_embedded(random, all ? Form::all : Form::lists, 5, 40, 33, cosine);
        bad.bias.clear();
        const size_t document = all ? 7 : 2 * 40 + 7;
        bad.documents[document * 33 + 4] = NAN;
        for (size_t b = 0; b < 5; b++)
          if (all || b == 2) bad.grad[b * 40 + 7] = 0;
        const Scored e = score(bad, target, 1);
        for (size_t i = 0; i < e.scores.size(); i++)
          CHECK(std::isnan(e.scores[i]) == (all ? i % 40 == 7 : i == document));
        for (float g : e.query_grad) CHECK(std::isfinite(g));
        for (float g : e.document_grad) CHECK(std::isfinite(g));
        CHECK(std::isfinite(e.scale_grad));
      }
    }
  }
}

TEST_CASE("top k: best first, equal ones in order, NaN never, and nothing more than there is") {
  Random random(10);
  for (const cpu::Target& target : cpu::targets()) {
    Embedded c = make_embedded(random, Form::all, 6, 9000, 12, false);
    c.bias.clear();
    for (size_t i = 0; i < 12; i++) c.documents[8500 * 12 + i] = c.documents[20 * 12 + i];  // equal scores
    c.documents[31 * 12] = NAN;
    const Scored r = score(c, target, 1);
    Scorer scorer(target, std::make_shared<cpu::Pool>(2));
    for (const int64_t k : {1, 7, 9003}) {
      std::vector<int32_t> ids(size_t(6 * k));
      Floats scores(size_t(6 * k));
      REQUIRE(scorer.top(c.pairs, k, ids.data(), scores.data()).ok());
      for (int64_t b = 0; b < 6; b++) {
        std::vector<int32_t> order;
        for (int32_t m = 0; m < 9000; m++)
          if (m != 31) order.push_back(m);
        const float* s = r.scores.data() + b * 9000;
        std::stable_sort(order.begin(), order.end(), [&](int32_t x, int32_t y) { return s[x] > s[y]; });
        for (int64_t i = 0; i < k; i++) {
          const bool there = i < int64_t(order.size());
          CHECK(ids[size_t(b * k + i)] == (there ? order[size_t(i)] : -1));
          CHECK(scores[size_t(b * k + i)] == (there ? s[order[size_t(i)]] : -INFINITY));
        }
      }
    }
  }
}

TEST_CASE("nothing to do: no queries, no documents, empty lists") {
  Random random(11);
  for (const cpu::Target& target : cpu::targets())
    for (const Form form : {Form::all, Form::lists})
      for (const bool cosine : {true, false}) {
        Embedded none = make_embedded(random, form, 0, 5, 8, cosine);
        const Scored r = score(none, target, 2);
        for (float g : r.document_grad) CHECK(g == 0);
        Embedded empty = make_embedded(random, form, 5, 0, 8, cosine);
        for (float g : score(empty, target, 2).query_grad) CHECK(g == 0);
      }
}

TEST_CASE("candidates and offsets are checked") {
  Random random(12);
  Embedded c = make_embedded(random, Form::candidates, 3, 4, 2, false);
  c.point();
  c.candidates[5] = int32_t(c.pairs.documents);
  scoring::Status status = check_pairs(c.pairs);
  CHECK(status.code == scoring::Code::candidate);
  CHECK(status.index == 5);
  c.candidates[5] = -2;
  CHECK(check_pairs(c.pairs).code == scoring::Code::candidate);
  Embedded ragged = make_embedded(random, Form::ragged, 3, 4, 2, false);
  ragged.point();
  ragged.offsets[1] = 99;
  status = check_pairs(ragged.pairs);
  CHECK(status.code == scoring::Code::offset);
  CHECK(status.index == 2);
}

}  // namespace
}  // namespace test
}  // namespace ckl
