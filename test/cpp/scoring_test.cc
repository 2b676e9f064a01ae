// Scores of embeddings and their gradients: right against double precision, and the same bits on every instruction set with
// fma, for every thread count and batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "../../src/scoring/scoring.h"
#include "random.h"

namespace ckl {
namespace test {
namespace {

using scoring::Gradients;
using scoring::Pairs;
using scoring::Scorer;
typedef std::vector<float> Floats;

struct Case {
  Pairs pairs;
  Floats queries, documents, bias, grad;
  std::vector<int32_t> candidates, offsets;

  void point() {
    pairs.query = {reinterpret_cast<const char*>(queries.data()), DType::float32};
    pairs.document = {reinterpret_cast<const char*>(documents.data()), DType::float32};
    pairs.candidates = candidates.empty() ? nullptr : candidates.data();
    pairs.lists.offsets = offsets.empty() ? nullptr : offsets.data();
  }
};

struct Result {
  Floats scores, query_grad, document_grad;
  double scale_grad = 0;
};

enum class Form { all, lists, candidates, ragged };
const Form kForms[] = {Form::all, Form::lists, Form::candidates, Form::ragged};

Case make(Random& random, Form form, int64_t queries, int64_t docs, int64_t dim, bool cosine) {
  Case c;
  Pairs& p = c.pairs;
  p.cosine = cosine, p.all = form == Form::all, p.dim = dim, p.queries = queries, p.scale = 1.75f;
  p.documents = form == Form::candidates ? queries * docs / 3 + 1 : form == Form::all ? docs : queries * docs;
  p.lists.queries = queries, p.lists.docs = p.lists.stride = docs;
  const auto fill = [&](Floats& x, int64_t n) {
    for (int64_t i = 0; i < n; i++) x.push_back(float(random.normal()));
  };
  fill(c.queries, queries * dim), fill(c.documents, p.documents * dim), fill(c.bias, p.documents);
  fill(c.grad, queries * docs);
  if (form == Form::candidates)
    for (int64_t i = 0; i < queries * docs; i++)
      c.candidates.push_back(i % 7 == 3 ? -1 : int32_t(random.below(p.documents)));
  if (form == Form::ragged) {  // lists of 0, 1, 2 … documents, the last one takes what is left
    c.offsets.push_back(0);
    for (int64_t b = 0; b < queries; b++)
      c.offsets.push_back(b + 1 < queries ? std::min<int32_t>(c.offsets.back() + int32_t(b), int32_t(queries * docs))
                                          : int32_t(queries * docs));
  }
  return c;
}

Result run(Case& c, const cpu::Target& target, int threads, bool same_pairs = true) {
  c.point();
  Scorer scorer(target, std::make_shared<cpu::Pool>(threads));
  Result r;
  const size_t dim = size_t(c.pairs.dim);
  r.scores.assign(size_t(c.pairs.scores()), -7), r.query_grad.assign(size_t(c.pairs.queries) * dim, -7);
  r.document_grad.assign(size_t(c.pairs.documents) * dim, -7);
  REQUIRE(check_pairs(c.pairs).ok());
  REQUIRE(scorer.scores(c.pairs, c.bias.empty() ? nullptr : c.bias.data(), r.scores.data()).ok());
  Gradients g;
  g.scores = c.grad.data(), g.scale = true;
  g.query = {reinterpret_cast<char*>(r.query_grad.data()), DType::float32};
  g.document = {reinterpret_cast<char*>(r.document_grad.data()), DType::float32};
  REQUIRE(scorer.backward(c.pairs, g, same_pairs, r.scale_grad).ok());
  return r;
}

bool same(const Floats& a, const Floats& b) {
  if (a.size() != b.size()) return false;
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
bool same(const Result& a, const Result& b) {
  return same(a.scores, b.scores) && same(a.query_grad, b.query_grad) && same(a.document_grad, b.document_grad) &&
         a.scale_grad == b.scale_grad;
}

// The same in double precision, and for each number the sum of the magnitudes it is made of.
struct Reference {
  std::vector<double> scores, query_grad, document_grad, score_size, query_size, document_size;
  double scale_grad = 0, scale_size = 0;
};

Reference reference(const Case& c) {
  const Pairs& p = c.pairs;
  const size_t k = size_t(p.dim);
  const auto unit = [&](const Floats& x, std::vector<double>& norms) {
    std::vector<double> u(x.begin(), x.end());
    for (size_t r = 0; k > 0 && r < x.size() / k; r++) {
      double squares = 0;
      for (size_t i = 0; i < k; i++) squares += u[r * k + i] * u[r * k + i];
      norms.push_back(p.cosine ? std::sqrt(squares) : 1);
      for (size_t i = 0; i < k; i++) u[r * k + i] = norms.back() > 0 ? u[r * k + i] / norms.back() : 0;
    }
    return u;
  };
  Reference r;
  std::vector<double> query_norms, document_norms;
  const std::vector<double> q = unit(c.queries, query_norms), d = unit(c.documents, document_norms);
  r.scores.assign(size_t(p.scores()), -7), r.score_size.assign(size_t(p.scores()), 0);
  r.query_grad.assign(q.size(), 0), r.query_size = r.query_grad;
  r.document_grad.assign(d.size(), 0), r.document_size = r.document_grad;
  const auto pair = [&](size_t b, size_t at, int64_t document) {
    if (document < 0) {
      r.scores[at] = -INFINITY;
      return;
    }
    const size_t m = size_t(document);
    const double bias = c.bias.empty() ? 0 : c.bias[m], g = c.grad[at];
    double dot = 0, size = 0;
    for (size_t i = 0; i < k; i++) {
      const double x = q[b * k + i], y = d[m * k + i];
      dot += x * y, size += std::fabs(x * y);
      r.query_grad[b * k + i] += p.scale * g * y, r.query_size[b * k + i] += std::fabs(p.scale * g * y);
      r.document_grad[m * k + i] += p.scale * g * x, r.document_size[m * k + i] += std::fabs(p.scale * g * x);
    }
    r.scores[at] = p.scale * dot + bias, r.score_size[at] = p.scale * size + std::fabs(bias);
    r.scale_grad += g * dot, r.scale_size += std::fabs(g) * size;
  };
  for (int64_t b = 0; b < p.queries; b++) {
    const int64_t begin = p.all ? b * p.documents : p.lists.begin(b), n = p.all ? p.documents : p.lists.length(b);
    for (int64_t i = begin; i < begin + n; i++)
      pair(size_t(b), size_t(i), p.all ? i - begin : p.candidates ? p.candidates[i] : i);
  }
  const auto project = [&](std::vector<double>& grad, std::vector<double>& size, const std::vector<double>& u,
                           const std::vector<double>& norms) {
    for (size_t row = 0; p.cosine && row < norms.size(); row++) {
      double along = 0, all = 0;
      for (size_t i = 0; i < k; i++) along += grad[row * k + i] * u[row * k + i], all += size[row * k + i];
      for (size_t i = 0; i < k; i++) {
        const double inverse = norms[row] > 0 ? 1 / norms[row] : 0;
        grad[row * k + i] = (grad[row * k + i] - along * u[row * k + i]) * inverse;
        size[row * k + i] = all * inverse;
      }
    }
  };
  project(r.query_grad, r.query_size, q, query_norms);
  project(r.document_grad, r.document_size, d, document_norms);
  return r;
}

// Within `most` float32 roundings of all that a number is the sum of. The largest error in such units.
double error(const Floats& found, const std::vector<double>& right, const std::vector<double>& size) {
  double worst = 0;
  for (size_t i = 0; i < found.size(); i++) {
    if (double(found[i]) == right[i]) continue;
    const double units = std::fabs(found[i] - right[i]) / (size[i] * 0x1p-24);
    worst = units <= worst ? worst : units;  // NaN is the worst
  }
  return worst;
}

TEST_CASE("scores and gradients are those of double precision") {
  Random random(5);
  for (const Form form : kForms)
    for (const bool cosine : {false, true})
      for (const int64_t dim : {1, 15, 64, 77, 801}) {
        Case c = make(random, form, 19, 45, dim, cosine);
        c.point();
        const Reference right = reference(c);
        for (const cpu::Target& target : cpu::targets()) {
          const Result r = run(c, target, 1);
          const std::string about = std::string(target.name) + ", form " + std::to_string(int(form)) + ", dim " +
                                    std::to_string(dim) + (cosine ? ", cosine" : "");
          // A chain's roundings grow like the root of its length; the bound holds for every seed that was tried.
          CHECK_MESSAGE(error(r.scores, right.scores, right.score_size) < 24, about);
          CHECK_MESSAGE(error(r.query_grad, right.query_grad, right.query_size) < 24, about);
          CHECK_MESSAGE(error(r.document_grad, right.document_grad, right.document_size) < 24, about);
          CHECK_MESSAGE(std::fabs(r.scale_grad - right.scale_grad) <= right.scale_size * 0x1p-20, about);
        }
      }
}

TEST_CASE("the same bits on all instruction sets with fma, for any thread count, from kept or fresh vectors") {
  Random random(6);
  for (const Form form : kForms)
    for (const bool cosine : {false, true}) {
      Case c = make(random, form, 37, form == Form::all ? 517 : 46, 391, cosine);
      const Result first = run(c, cpu::targets().back(), 1);
      for (const cpu::Target& target : cpu::targets()) {
        const bool fused = std::string(target.name) != "baseline";
        const Result one = run(c, target, 1, false);
        if (fused) CHECK_MESSAGE(same(one, first), target.name);
        for (const int threads : {2, 3, 8}) CHECK_MESSAGE(same(run(c, target, threads), one), target.name);
      }
    }
}

TEST_CASE("a score's bits depend on its two vectors alone, a query's gradient on its list alone") {
  Random random(7);
  for (const bool cosine : {false, true}) {
    Case all = make(random, Form::all, 29, 411, 200, cosine);
    for (const cpu::Target& target : cpu::targets()) {
      const Result whole = run(all, target, 2);
      for (const int64_t queries : {1, 3, 4, 15}) {
        Case part = all;
        part.pairs.queries = part.pairs.lists.queries = queries;
        part.queries.resize(size_t(queries * 200)), part.grad.resize(size_t(queries * 411));
        const Result r = run(part, target, 1);
        CHECK(same(r.scores, Floats(whole.scores.begin(), whole.scores.begin() + queries * 411)));
        CHECK(same(r.query_grad, Floats(whole.query_grad.begin(), whole.query_grad.begin() + queries * 200)));
      }
      // As lists of all documents: another shape of work, the same sums.
      Case lists = all;
      lists.pairs.all = false;
      lists.pairs.lists.docs = lists.pairs.lists.stride = 411;
      for (int64_t i = 0; i < 29 * 411; i++) lists.candidates.push_back(int32_t(i % 411));
      CHECK(same(run(lists, target, 2), whole));
    }
  }
}

TEST_CASE("gradients add up on request, are rounded once to half precision, and may lie over the embeddings") {
  Random random(8);
  for (const Form form : {Form::all, Form::candidates})
    for (const bool cosine : {false, true}) {
      Case c = make(random, form, 9, 21, 70, cosine);
      const cpu::Target& target = cpu::targets().back();
      const Result right = run(c, target, 1);
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

TEST_CASE("zero vectors, vast and tiny ones, and vectors that are not finite") {
  Random random(9);
  for (const cpu::Target& target : cpu::targets()) {
    Case c = make(random, Form::all, 5, 40, 33, true);
    c.bias.clear(), c.pairs.scale = 1;
    for (size_t i = 0; i < 33; i++) c.queries[33 + i] = 0, c.documents[i] *= 1e37f, c.documents[33 + i] *= 1e-36f;
    const Result r = run(c, target, 1);
    for (float s : r.scores) CHECK(std::fabs(s) <= 1.00001f);
    for (size_t i = 0; i < 40; i++) CHECK(r.scores[40 + i] == 0);
    for (size_t i = 0; i < 33; i++) CHECK(r.query_grad[33 + i] == 0);
    for (float g : r.document_grad) CHECK(std::isfinite(g));

    // One document that is not finite, and a pair of weight 0: what reads neither is not touched.
    for (const bool all : {true, false}) {
      for (const bool cosine : {true, false}) {
        Case bad = make(random, all ? Form::all : Form::lists, 5, 40, 33, cosine);
        bad.bias.clear();
        const size_t document = all ? 7 : 2 * 40 + 7;
        bad.documents[document * 33 + 4] = NAN;
        for (size_t b = 0; b < 5; b++)
          if (all || b == 2) bad.grad[b * 40 + 7] = 0;
        const Result e = run(bad, target, 1);
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
    Case c = make(random, Form::all, 6, 9000, 12, false);
    c.bias.clear();
    for (size_t i = 0; i < 12; i++) c.documents[8500 * 12 + i] = c.documents[20 * 12 + i];  // equal scores
    c.documents[31 * 12] = NAN;
    const Result r = run(c, target, 1);
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
        Case none = make(random, form, 0, 5, 8, cosine);
        const Result r = run(none, target, 2);
        for (float g : r.document_grad) CHECK(g == 0);
        Case empty = make(random, form, 5, 0, 8, cosine);
        for (float g : run(empty, target, 2).query_grad) CHECK(g == 0);
      }
}

TEST_CASE("candidates and offsets are checked") {
  Random random(12);
  Case c = make(random, Form::candidates, 3, 4, 2, false);
  c.point();
  c.candidates[5] = int32_t(c.pairs.documents);
  scoring::Status status = check_pairs(c.pairs);
  CHECK(status.code == scoring::Code::candidate);
  CHECK(status.index == 5);
  c.candidates[5] = -2;
  CHECK(check_pairs(c.pairs).code == scoring::Code::candidate);
  Case ragged = make(random, Form::ragged, 3, 4, 2, false);
  ragged.point();
  ragged.offsets[1] = 99;
  status = check_pairs(ragged.pairs);
  CHECK(status.code == scoring::Code::offset);
  CHECK(status.index == 2);
}

}  // namespace
}  // namespace test
}  // namespace ckl
