// The table of edge cases in docs/losses.md, line by line.
#include <doctest/doctest.h>

#include <cmath>

#include "batch.h"

namespace ckl {
namespace test {
namespace {

constexpr float kInf = INFINITY;

bool distribution(const PlanTerm& term) { return kLosses[int(term.loss)].family == Family::distribution; }
bool reads_teacher(const PlanTerm& term) { return kLosses[int(term.loss)].teacher; }

template <class Body>
void each(Body body) {
  for (const Target& target : targets())
    for (const PlanTerm& term : all_terms()) body(target, term);
}

OwnedBatch one_row(Floats student, Floats teacher, std::vector<uint8_t> labels) {
  OwnedBatch batch;
  batch.queries = 1, batch.docs = batch.stride = int64_t(student.size());
  batch.student = std::move(student), batch.teacher = std::move(teacher), batch.labels = std::move(labels);
  return batch;
}

// Documents that are not masked.
OwnedBatch without_masked(const OwnedBatch& batch) {
  OwnedBatch out;
  out.queries = batch.queries;
  out.offsets.push_back(0);
  for (size_t i = 0; i < batch.labels.size(); i++) {
    if (batch.labels[i] != 255) {
      out.student.push_back(batch.student[i]), out.teacher.push_back(batch.teacher[i]);
      out.labels.push_back(batch.labels[i]);
    }
    if ((int64_t(i) + 1) % batch.docs == 0) out.offsets.push_back(int32_t(out.labels.size()));
  }
  return out;
}

TEST_CASE("edges: a masked document is as good as removed, and has gradient 0") {
  each([](const Target& target, const PlanTerm& term) {
    Random random(41);
    for (int64_t docs : {5, 16, 40, 128, 200}) {
      OwnedBatch batch = batch_of_families(random, docs, 5);
      pad(random, batch, 0.4);
      const OwnedBatch removed = without_masked(batch);
      Plan plan = plan_of(term);
      const Result a = run(batch, plan, target), b = run(removed, plan, target);
      CHECK(a.summary.counted == b.summary.counted);
      for (int64_t q = 0; q < 5; q++) {
        const float x = a.per_query[size_t(q)], y = b.per_query[size_t(q)];
        CHECK((x == y || std::fabs(x - y) <= 1e-5f * std::fabs(y) + 1e-6f));
      }
      size_t k = 0;
      for (size_t i = 0; i < batch.labels.size(); i++) {
        const bool masked = batch.labels[i] == 255;
        const float expected = masked ? 0 : b.grad[k++];
        CHECK(std::fabs(a.grad[i] - expected) <= (masked ? 0 : 1e-5f * std::fabs(expected) + 1e-6f));
      }
    }
  });
}

TEST_CASE("edges: teacher -inf gives its document no term and no h") {
  each([](const Target& target, const PlanTerm& term) {
    if (!distribution(term) || !reads_teacher(term)) return;
    // The student is uniform: where p = 0 a document's h is 0 but for nll and bkl's regulariser.
    const Result r = run(one_row({0, 0, 0, 0}, {1, 1, -kInf, -kInf}, {1, 0, 0, 0}), plan_of(term), target);
    CHECK(std::isfinite(r.per_query[0]) == (term.loss != LossId::reverseKl));
    CHECK(std::fabs(r.grad[2] - r.grad[3]) <= 1e-7f);
    // reverseKl: h = q there, and q (ln q - ln p) elsewhere.
    if (term.loss == LossId::reverseKl) {
      CHECK(r.per_query[0] == kInf);
      CHECK(std::fabs(r.grad[2] - (0.25 - 0.25 * (0.5 + 0.5 * std::log(0.5)))) <= 1e-6);
    }
    if (term.loss != LossId::kl) return;
    CHECK(r.grad[2] == 0.25f);  // q sum p
    CHECK(r.grad[0] == -0.25f);
  });
}

TEST_CASE("edges: teacher -inf is the lowest level for losses over the teacher's order") {
  each([](const Target& target, const PlanTerm& term) {
    if (!kLosses[int(term.loss)].by_relevance || !reads_teacher(term)) return;
    const Floats student = {0.5f, -1, 0.25f, 2};
    const Result r = run(one_row(student, {1, -kInf, 3, 2}, {1, 0, 0, 1}), plan_of(term), target);
    const Result low = run(one_row(student, {1, -200, 3, 2}, {1, 0, 0, 1}), plan_of(term), target);
    CHECK_MESSAGE(std::isfinite(r.per_query[0]), name_of(term));
    CHECK(std::fabs(r.per_query[0] - low.per_query[0]) <= 1e-6f * (1 + std::fabs(low.per_query[0])));
    for (size_t i = 0; i < 4; i++) CHECK(std::fabs(r.grad[i] - low.grad[i]) <= 1e-6f);
  });
}

TEST_CASE("edges: student -inf makes the loss infinite and leaves the gradient finite") {
  each([](const Target& target, const PlanTerm& term) {
    if (!distribution(term)) return;
    const Result r = run(one_row({0, 0, -kInf}, {0, 0, 0}, {1, 0, 0}), plan_of(term), target);
    const bool bounded = term.loss == LossId::jsd || term.loss == LossId::reverseKl;
    const bool adds_nothing = term.loss == LossId::ckl || bounded || !reads_teacher(term);
    CHECK((r.per_query[0] == kInf) == !adds_nothing);
    for (float g : r.grad) CHECK(std::isfinite(g));
    if (!adds_nothing && term.loss == LossId::kl) CHECK(std::fabs(r.grad[2] + 1.0f / 3) < 1e-6f);  // h = -p, q = 0
    if (adds_nothing) CHECK(r.grad[2] == 0);
    // A positive that the student excludes: infinite in every loss that weighs it.
    const Result p = run(one_row({0, 0, -kInf}, {0, 0, 0}, {0, 0, 1}), plan_of(term), target);
    CHECK((p.per_query[0] == kInf) == !bounded);
    for (float g : p.grad) CHECK(std::isfinite(g));
  });
}

TEST_CASE("edges: a range beyond the largest float leaves the gradient finite") {
  each([](const Target& target, const PlanTerm& term) {
    if (!distribution(term)) return;
    Random random(42);
    for (size_t docs : {2, 16, 50, 200}) {
      OwnedBatch batch = one_row(Floats(docs, -3e38f), Floats(docs, 3e38f), std::vector<uint8_t>(docs, 0));
      batch.student[docs - 1] = 3e38f, batch.teacher[0] = -3e38f;
      batch.labels[random.bits() % docs] = 1;
      const Result r = run(batch, plan_of(term), target);
      CHECK(!std::isnan(r.per_query[0]));
      for (float g : r.grad) CHECK(std::isfinite(g));
    }
  });
}

TEST_CASE("edges: NaN or +inf in a valid document makes that query NaN and no other") {
  each([](const Target& target, const PlanTerm& term) {
    Random random(43);
    for (float poison : {NAN, kInf})
      for (bool in_teacher : {false, true}) {
        if (in_teacher && !reads_teacher(term)) continue;
        const OwnedBatch clean = batch_of_families(random, 20, 6);
        OwnedBatch batch = clean;
        (in_teacher ? batch.teacher : batch.student)[size_t(20 * 2 + random.below(20))] = poison;
        const Plan plan = plan_of(term, Reduction::sum);
        const Result was = run(clean, plan, target), now = run(batch, plan, target);
        for (int64_t q = 0; q < 6; q++) {
          const Result a = row_of(was, clean, q), b = row_of(now, batch, q);
          if (q != 2) {
            CHECK(difference(a, b).empty());
            continue;
          }
          CHECK(std::isnan(b.per_query[0]));
          for (float g : b.grad) CHECK(std::isnan(g));
        }
        CHECK(now.summary.counted == was.summary.counted);
      }
  });
}

TEST_CASE("edges: queries that a loss does not count have loss and gradient 0 and are left out of the mean") {
  each([](const Target& target, const PlanTerm& term) {
    Random random(44);
    OwnedBatch batch = batch_of_families(random, 12, 6);
    const Plan plan = plan_of(term);
    for (size_t i = 0; i < 12; i++) batch.labels[i] = 0, batch.labels[12 + i] = 1, batch.labels[24 + i] = 255;
    const Result r = run(batch, plan, target);
    const Needs needs = kLosses[int(term.loss)].needs;
    const bool any = needs == Needs::document || needs == Needs::preferred_pair || needs == Needs::gainful_pair;
    const bool counted[3] = {any, any || needs == Needs::positive, false};
    int64_t count = 3;
    double sum = 0;
    for (size_t q = 0; q < 6; q++) {
      if (q >= 3 || counted[q]) sum += double(r.per_query[q]);
      if (q >= 3) continue;
      count += counted[q];
      if (!counted[q]) CHECK(r.per_query[q] == 0);
      for (size_t i = 0; !counted[q] && i < 12; i++) CHECK(r.grad[12 * q + i] == 0);
    }
    CHECK(r.summary.counted == count);
    CHECK(std::fabs(r.summary.loss - sum / double(count)) <= 1e-6 * std::fabs(sum));
  });
}

TEST_CASE("edges: no query counted, no queries, no documents: mean 0") {
  each([](const Target& target, const PlanTerm& term) {
    const Plan plan = plan_of(term);
    const Result masked = run(one_row({NAN, 1}, {NAN, 1}, {255, 255}), plan, target);
    CHECK(masked.status.ok());
    CHECK(masked.summary.loss == 0);
    CHECK(masked.summary.counted == 0);
    CHECK(masked.per_query[0] == 0);
    for (float g : masked.grad) CHECK(g == 0);

    const Result none = run(OwnedBatch(), plan, target);
    CHECK(none.status.ok());
    CHECK(none.summary.loss == 0);

    OwnedBatch empty;
    empty.queries = 3, empty.offsets = {0, 0, 0, 0};
    const Result rows = run(empty, plan, target);
    CHECK(rows.status.ok());
    CHECK(rows.summary.counted == 0);
    for (float loss : rows.per_query) CHECK(loss == 0);
  });
}

TEST_CASE("edges: queries that all weigh 0 have a mean of 0 and gradients of 0") {
  each([](const Target& target, const PlanTerm& term) {
    OwnedBatch batch = one_row({1, -2, 0.5f}, {0, 3, -1}, {1, 0, 0});
    batch.weights = {0};
    const Result r = run(batch, plan_of(term), target);
    CHECK(r.status.ok());
    CHECK(r.summary.loss == 0);
    CHECK(r.summary.counted == 1);
    for (float g : r.grad) CHECK(g == 0);
  });
}

TEST_CASE("edges: one document has loss 0 and gradient 0 in kl and ckl, gradient 0 in all") {
  each([](const Target& target, const PlanTerm& term) {
    if (!distribution(term)) return;
    for (uint8_t label : {0, 1}) {
      const Result r = run(one_row({3.5f}, {-2}, {label}), plan_of(term), target);
      CHECK(r.grad[0] == 0);
      if (term.loss == LossId::bkl && label == 0)
        CHECK(r.per_query[0] == float(term.lambda) * float(term.negative_weight));  // lambda q
      else CHECK(r.per_query[0] == 0);
    }
  });
}

TEST_CASE("edges: a power of two as temperature is exact, and the gradient carries 1 / T") {
  each([](const Target& target, const PlanTerm& term) {
    Random random(45);
    const OwnedBatch batch = batch_of_families(random, 40, 3);
    OwnedBatch scaled = batch;
    for (float& s : scaled.student) s *= 4;
    for (float& t : scaled.teacher) t *= 0.5f;
    Plan plain = plan_of(term), hot = plain;
    hot.student_temperature = 4, hot.teacher_temperature = 0.5;
    const Result a = run(batch, plain, target), b = run(scaled, hot, target);
    CHECK(difference(a.per_query, b.per_query, "perQuery").empty());
    for (size_t i = 0; i < a.grad.size(); i++) CHECK(a.grad[i] / 4 == b.grad[i]);
  });
}

}  // namespace
}  // namespace test
}  // namespace ckl
