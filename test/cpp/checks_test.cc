// Each wrong value is found, with its query, document and value, before anything is written; sizes in 64 bits.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "../../src/core/check.h"
#include "../../src/cpu/slices.h"
#include "batch.h"

namespace ckl {
namespace test {
namespace {

struct Wrong {
  const char* what;
  Code code;
  Argument argument;
  double value;
  bool per_query;  // else of a document
  std::function<void(OwnedBatch&, size_t)> put;
};

void fill(Numbers& x, size_t n) {
  if (x.empty()) x.assign(n, 1);
}

std::vector<Wrong> wrong_values() {
  const auto rank = [](double value, RankType type) {
    return [=](OwnedBatch& b, size_t i) { fill(b.ranks, b.student.size()), b.rank_type = type, b.ranks[i] = value; };
  };
  const auto beta = [](float value) {
    return [=](OwnedBatch& b, size_t i) { b.beta.assign(b.student.size(), 0), b.beta[i] = value; };
  };
  const auto relevance = [](float value) {
    return [=](OwnedBatch& b, size_t i) { b.relevance.assign(b.student.size(), 0), b.relevance[i] = value; };
  };
  const auto weight = [](float value) {
    return
        [=](OwnedBatch& b, size_t i) { b.weights.assign(size_t(b.queries), 1), b.weights[i / size_t(b.docs)] = value; };
  };
  const double nan = NAN, inf = INFINITY;
  return {
      {"label 2", Code::label, Argument::labels, 2, false, [](OwnedBatch& b, size_t i) { b.labels[i] = 2; }},
      {"label 254", Code::label, Argument::labels, 254, false, [](OwnedBatch& b, size_t i) { b.labels[i] = 254; }},
      {"rank 0 (u8)", Code::rank, Argument::ranks, 0, false, rank(0, RankType::u8)},
      {"rank 0 (u16)", Code::rank, Argument::ranks, 0, false, rank(0, RankType::u16)},
      {"rank 0 (u32)", Code::rank, Argument::ranks, 0, false, rank(0, RankType::u32)},
      {"rank -5", Code::rank, Argument::ranks, -5, false, rank(-5, RankType::i32)},
      {"rank 0.5", Code::rank, Argument::ranks, 0.5, false, rank(0.5, RankType::f32)},
      {"rank NaN", Code::rank, Argument::ranks, nan, false, rank(nan, RankType::f32)},
      {"beta too large", Code::beta, Argument::beta, 4.25, false, beta(4.25f)},
      {"beta NaN", Code::beta, Argument::beta, nan, false, beta(NAN)},
      {"beta -inf", Code::beta, Argument::beta, -inf, false, beta(-INFINITY)},
      {"relevance NaN", Code::relevance, Argument::relevance, nan, false, relevance(NAN)},
      {"relevance inf", Code::relevance, Argument::relevance, inf, false, relevance(INFINITY)},
      {"weight -1", Code::weight, Argument::weights, -1, true, weight(-1)},
      {"weight NaN", Code::weight, Argument::weights, nan, true, weight(NAN)},
      {"weight inf", Code::weight, Argument::weights, inf, true, weight(INFINITY)},
  };
}

bool is(double actual, double expected) { return actual == expected || (std::isnan(actual) && std::isnan(expected)); }

bool untouched(const Floats& x) {
  for (float v : x)
    if (v != kUntouched) return false;
  return true;
}

// Queries times documents of which one may be wrong; a few negatives, so that beta matters.
OwnedBatch plain_batch(int64_t queries, int64_t docs) {
  OwnedBatch batch;
  batch.queries = queries, batch.docs = batch.stride = docs;
  batch.student.assign(size_t(queries * docs), 0.5f), batch.teacher = batch.student;
  batch.labels.assign(batch.student.size(), 0);
  for (int64_t b = 0; b < queries; b++) batch.labels[size_t(b * docs)] = 1;
  return batch;
}

TEST_CASE("checks: each wrong value is found where it is, and nothing is written") {
  Plan plan;
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5, term.alpha = 1;
  plan.terms.push_back(term);
  term.loss = LossId::lambdaMrr;
  plan.terms.push_back(term);
  const struct {
    int64_t queries, docs;
    int threads;
  } shapes[] = {{3, 5, 1}, {4, 16, 1}, {3, 200, 1}, {900, 150, 3}};
  for (const Wrong& wrong : wrong_values())
    for (const auto& shape : shapes)
      for (int64_t query : {int64_t(0), shape.queries - 1})
        for (int64_t document : {int64_t(1), shape.docs - 1}) {
          OwnedBatch batch = plain_batch(shape.queries, shape.docs);
          wrong.put(batch, size_t(query * shape.docs + document));
          Options options;
          options.threads = shape.threads, options.teacher_grad = options.diagnostics = true;
          const Result r = run(batch, plan, cpu::targets().back(), options);
          const bool found = r.status.code == wrong.code && r.status.argument == wrong.argument &&
                             r.status.query == query && r.status.document == (wrong.per_query ? -1 : document) &&
                             is(r.status.value, wrong.value);
          CHECK_MESSAGE(found, std::string(wrong.what));
          CHECK(untouched(r.grad));
          CHECK(untouched(r.per_query));
          CHECK(untouched(r.teacher_grad));
          CHECK(untouched(r.weight));
          CHECK(untouched(r.entropy));
        }
}

TEST_CASE("checks: what belongs to a masked document, or to a positive's beta, is not looked at") {
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5, term.alpha = 1;
  for (const Wrong& wrong : wrong_values()) {
    if (wrong.per_query || wrong.code == Code::label) continue;
    OwnedBatch batch = plain_batch(2, 6);
    wrong.put(batch, 4);
    batch.labels[4] = 255;
    CHECK_MESSAGE(run(batch, plan_of(term), cpu::targets().back()).status.ok(), std::string(wrong.what));
    if (wrong.code != Code::beta) continue;
    batch.labels[4] = 1;
    CHECK_MESSAGE(run(batch, plan_of(term), cpu::targets().back()).status.ok(), std::string(wrong.what));
  }
}

TEST_CASE("checks: beta may reach gamma - 1, of the smallest gamma in a sum") {
  Plan plan;
  for (double gamma : {5.0, 3.0}) {
    PlanTerm term;
    term.loss = LossId::ckl, term.gamma = gamma;
    plan.terms.push_back(term);
  }
  OwnedBatch batch = plain_batch(1, 4);
  batch.beta = {0, 2, 0, 0};
  CHECK(run(batch, plan, cpu::targets().back()).status.ok());
  batch.beta = {0, 2.001f, 0, 0};
  CHECK(run(batch, plan, cpu::targets().back()).status.code == Code::beta);
}

TEST_CASE("checks: an abort flag that is set stops the work") {
  const OwnedBatch batch = plain_batch(100, 10);
  std::vector<float> grad(batch.student.size()), per_query(100);
  Batch view;
  view.rows = batch.rows(), view.labels = batch.labels.data();
  view.student = view.teacher = {reinterpret_cast<const char*>(batch.student.data()), DType::float32};
  Outputs out;
  out.grad = {reinterpret_cast<char*>(grad.data()), DType::float32}, out.per_query = per_query.data();
  cpu::CpuBackend backend(cpu::targets().back(), std::make_shared<cpu::Pool>(2), 2);
  const auto workspace = backend.workspace(0);
  Summary summary;
  std::atomic<int32_t> abort{1};
  CHECK(backend.run(Plan{{PlanTerm()}}, view, out, *workspace, &abort, summary).code == Code::aborted);
  abort = 0;
  CHECK(backend.run(Plan{{PlanTerm()}}, view, out, *workspace, &abort, summary).ok());
}

TEST_CASE("checks: shapes and offsets that cannot be addressed are refused, in 64 bits") {
  const auto check = [](int64_t queries, int64_t docs, int64_t stride, int64_t elements) {
    return check_rows({queries, docs, stride, nullptr}, elements);
  };
  CHECK(check(0, 5, 5, 0).ok());
  CHECK(check(2, 3, 3, 6).ok());
  CHECK(check(2, 3, 4, 7).ok());
  const Status small = check(2, 3, 4, 6);
  CHECK((small.code == Code::size && small.value == 6 && small.required == 7));
  CHECK(check(-1, 3, 3, 9).code == Code::shape);
  CHECK(check(2, -3, 3, 9).code == Code::shape);
  CHECK(check(2, 3, 2, 9).code == Code::shape);
  // Beyond 2^31 and 2^32 elements, and beyond what 64 bits hold.
  CHECK(check(1 << 20, 4096, 4096, int64_t(1) << 32).ok());
  CHECK(check(1 << 20, 4096, 4096, (int64_t(1) << 32) - 1).code == Code::size);
  CHECK(check(int64_t(3) << 30, 1, 3, int64_t(9) << 30).ok());
  CHECK(check(int64_t(1) << 32, int64_t(1) << 32, int64_t(1) << 32, INT64_MAX).code == Code::shape);
  CHECK(check(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX).code == Code::shape);
  CHECK(check(2, 1, INT64_MAX, INT64_MAX).code == Code::shape);

  const auto offsets = [](std::vector<int32_t> o, int64_t elements) {
    return check_rows({int64_t(o.size()) - 1, 0, 0, o.data()}, elements);
  };
  CHECK(offsets({0, 0, 3, 7}, 7).ok());
  CHECK(offsets({2, 5}, 9).ok());
  const Status descends = offsets({0, 3, 2}, 9);
  CHECK((descends.code == Code::offset && descends.query == 2 && descends.value == 2));
  const Status beyond = offsets({0, 3, 10}, 9);
  CHECK((beyond.code == Code::offset && beyond.query == 2 && beyond.value == 10));
  CHECK(offsets({-1, 3}, 9).query == 0);
}

TEST_CASE("checks: rows begin and end where 64-bit arithmetic says") {
  const Rows wide = {int64_t(1) << 22, 1000, 3000, nullptr};
  CHECK(wide.begin(1 << 21) == int64_t(3000) << 21);
  CHECK(wide.extent() == ((int64_t(1) << 22) - 1) * 3000 + 1000);
  CHECK(wide.documents(1, int64_t(1) << 22) == ((int64_t(1) << 22) - 1) * 1000);
  const int32_t offsets[] = {0, 5, INT32_MAX};
  const Rows ragged = {2, 0, 0, offsets};
  CHECK(ragged.length(1) == int64_t(INT32_MAX) - 5);
  CHECK(ragged.extent() == INT32_MAX);
  CHECK(Rows{0, 7, 7, nullptr}.extent() == 0);
}

TEST_CASE("checks: parts cover all rows in order, evenly, also of batches that no memory holds") {
  for (int64_t queries :
       {int64_t(1), int64_t(2), int64_t(100), int64_t(1) << 31, (int64_t(1) << 33) + 12345, INT64_MAX / 64})
    for (int parts : {1, 2, 3, 7, 64, 1000}) {
      const Rows rows = {queries, 8, 8, nullptr};
      int64_t before = 0, largest = 0;
      for (int k = 0; k < parts; k++) {
        const int64_t from = cpu::slice_begin(rows, k, parts), to = cpu::slice_begin(rows, k + 1, parts);
        CHECK(from == before);
        CHECK(to >= from);
        before = to, largest = std::max(largest, to - from);
      }
      CHECK(before == queries);
      CHECK(largest <= queries / parts + 32);
    }
  // Ragged: by documents, not by rows.
  std::vector<int32_t> offsets(201);
  for (int b = 0; b <= 200; b++) offsets[size_t(b)] = b <= 100 ? b : 100 + (b - 100) * 20000000;
  const Rows ragged = {200, 0, 0, offsets.data()};
  for (int parts : {2, 3}) {
    for (int k = 0; k < parts; k++) {
      const int64_t part = ragged.documents(cpu::slice_begin(ragged, k, parts), cpu::slice_begin(ragged, k + 1, parts));
      CHECK(std::fabs(double(part) - double(ragged.extent()) / parts) < 17.0 * 20000000);
    }
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
