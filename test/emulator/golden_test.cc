// The golden cases through every width class of the kernels: rows as they are, and made longer by padding.
#include "golden.h"

#include <doctest/doctest.h>

#include <cmath>

namespace ckl {
namespace test {
namespace {

Plan plan_for(const GoldenCase& c) {
  Plan plan = plan_of(c.term);
  plan.student_temperature = c.student_temperature, plan.teacher_temperature = c.teacher_temperature;
  return plan;
}

bool agree(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <= tolerance + 0x1p-126;  // below, a float may be 0
}

std::string fault(const GoldenCase& c, const Result& r) {
  if (!r.status.ok()) return "the status is " + std::to_string(int(r.status.code));
  if (r.summary.counted != c.counted) return "counted is " + std::to_string(r.summary.counted);
  if (!agree(r.summary.loss, c.loss, c.loss_tolerance))
    return "the loss is " + std::to_string(r.summary.loss) + ", not " + std::to_string(c.loss);
  for (size_t i = 0; i < r.grad.size(); i++) {
    const double expected = i < c.grad.size() ? c.grad[i] : 0, tolerance = i < c.grad.size() ? c.grad_tolerance[i] : 0;
    if (!agree(r.grad[i], expected, tolerance))
      return "grad[" + std::to_string(i) + "] is " + std::to_string(r.grad[i]) + ", not " + std::to_string(expected);
  }
  return "";
}

// The row followed by masked documents, so that another kernel takes it.
OwnedBatch longer(const OwnedBatch& batch, int64_t docs) {
  OwnedBatch b = batch;
  if (b.docs >= docs) return b;
  const size_t n = size_t(docs);
  b.docs = b.stride = docs;
  b.student.resize(n, NAN), b.teacher.resize(n, INFINITY), b.labels.resize(n, 255);
  if (!b.ranks.empty()) b.ranks.resize(n, 1);
  if (!b.beta.empty()) b.beta.resize(n, 0);
  if (!b.relevance.empty()) b.relevance.resize(n, 0);
  return b;
}

TEST_CASE("golden: every case, within its tolerance, on chips with clusters and without") {
  REQUIRE(golden_cases().size() == 1549);
  for (const Target& target : targets())
    for (const GoldenCase& c : golden_cases()) {
      const std::string found = fault(c, run(c.batch, plan_for(c), target));
      const std::string about = c.id + " on " + target.name + ": " + found;
      CHECK_MESSAGE(found.empty(), about);
    }
}

TEST_CASE("golden: in rows of every width class") {
  for (int64_t docs : {300, 600, 1100, 3000, 5000, 9000, 40000}) {
    // Fewer of the long ones, all families among them.
    size_t step = docs < 1000 ? 5 : docs < 8000 ? 23 : docs < 10000 ? 101 : 397, k = 0;
    for (const GoldenCase& c : golden_cases())
      for (const Target& target : targets()) {
        if (k++ % step || (target.index < 90 && docs < 9000)) continue;
        if (c.term.loss == LossId::lambdaMrr && docs > 5000) continue;  // quadratic
        const std::string found = fault(c, run(longer(c.batch, docs), plan_for(c), target));
        const std::string about = c.id + " in a row of " + std::to_string(docs) + " on " + target.name + ": " + found;
        CHECK_MESSAGE(found.empty(), about);
      }
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
