// What overflows stays infinite or finite as promised, and never becomes NaN or an infinity of the wrong sign.
#include <doctest/doctest.h>

#include <cmath>

#include "batch.h"

namespace ckl {
namespace test {
namespace {

TEST_CASE("extremes: temperatures near 0 give no NaN, and one document has gradient 0") {
  Random random(51);
  for (double temperature : {1e-20, 1e-36, 1e-38, 1e-40, 4e-45, 1e-300})
    for (const PlanTerm& term : all_terms())
      for (int64_t docs : {1, 9, 64, 131}) {
        Plan plan = plan_of(term);
        plan.student_temperature = plan.teacher_temperature = temperature;
        Options options;
        options.teacher_grad = docs == 9;
        const OwnedBatch batch = batch_of_families(random, docs, kPlainFamilies);
        for (const Target& target : targets()) {
          const Result result = run(batch, plan, target, options);
          REQUIRE(result.status.ok());
          bool clean = true;
          for (float g : result.grad) clean = clean && (docs == 1 ? g == 0 : !std::isnan(g));
          if (term.loss != LossId::marginMse)  // inf - inf where both scores overflow
            CHECK_MESSAGE(clean, name_of(term));
        }
      }
}

TEST_CASE("extremes: a margin beyond float32 costs nothing on the right side, and is infinite on the wrong one") {
  OwnedBatch batch;
  batch.queries = 2, batch.docs = batch.stride = 2;
  batch.student = {1e38f, -1e38f, -1e38f, 1e38f}, batch.teacher = batch.student;
  batch.labels = {1, 0, 1, 0};
  PlanTerm term;
  term.loss = LossId::lambdaMrr;
  Plan plan = plan_of(term);
  for (double temperature : {1e-3, 1e-10, 1e-30}) {  // 1e-10 and 1e-30: the second half of 1 / T overflows as well
    plan.student_temperature = temperature;
    for (const Target& target : targets()) {
      const Result result = run(batch, plan, target);
      CHECK(result.per_query[0] == 0);
      CHECK(result.per_query[1] == INFINITY);
      CHECK(result.grad[0] == 0);
      CHECK(result.grad[2] < 0);
    }
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
