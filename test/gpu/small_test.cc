// A row or two through every kernel: few enough launches for tools that slow each of them a hundredfold (compute-sanitizer).
#include <doctest/doctest.h>

#include "../cpp/batch.h"

namespace ckl {
namespace test {
namespace {

void check(const OwnedBatch& batch, const Plan& plan, const Options& options = {}) {
  const std::string found = Promise(batch, plan).fault(run(batch, plan, targets()[0], options));
  const std::string about = name_of(plan.terms[0]) + ", " + std::to_string(batch.docs) + " documents: " + found;
  CHECK_MESSAGE(found.empty(), about);
}

PlanTerm term_of(LossId loss, double gamma = 5, double alpha = 0) {
  PlanTerm term;
  term.loss = loss, term.gamma = gamma, term.alpha = alpha;
  return term;
}

OwnedBatch as(DType type, OwnedBatch batch) {
  convert(batch, type);
  return batch;
}

// Around the borders of the launch table's classes.
const int64_t kDocs[] = {1, 5, 31, 64, 129, 300, 700, 1024, 1500, 3000, 5001, 9000, 20000, 40003, 70001, 131073};

TEST_CASE("small: rows of the fast kernels in every width class, float32 and bfloat16") {
  Random random(91);
  for (int64_t docs : kDocs) {
    const OwnedBatch batch = batch_of_families(random, docs, docs > 1024 ? 1 : 3, 1);
    check(batch, plan_of(term_of(LossId::ckl)));
    check(as(DType::bfloat16, batch), plan_of(term_of(LossId::ckl, 2.5)));
    check(batch, plan_of(term_of(LossId::bkl)));
  }
}

TEST_CASE(
    "small: rows of the general kernels: padding, infinities, sums of losses, diagnostics, the teacher's gradient") {
  Random random(92);
  Options options;
  options.teacher_grad = options.diagnostics = true;
  for (int64_t docs : kDocs) {
    OwnedBatch batch = batch_of_families(random, docs, docs > 1024 ? 1 : 3, 14);
    if (docs % 2) pad(random, batch, 0.3);
    Plan plan = plan_of(term_of(LossId::ckl, 5, 1));
    plan.terms.push_back(term_of(LossId::klLogL));
    check(docs % 3 ? batch : as(DType::float16, batch), plan, options);
  }
}

TEST_CASE("small: ranks of the current scores, in the kernel and in passes of their own") {
  Random random(93);
  for (int64_t docs : {3, 16, 64, 100, 500, 1024, 1025, 5000})
    check(batch_of_families(random, docs, docs > 1024 ? 1 : 3, 9), plan_of(term_of(LossId::ckl, 5, 3)));
}

TEST_CASE("small: ragged batches over several classes, and pairwise losses") {
  Random random(94);
  check(ragged_batch(random, 6, 3000), plan_of(term_of(LossId::ckl)));
  check(ragged_batch(random, 6, 3000), plan_of(term_of(LossId::ckl, 3.5, 1)));
  for (int64_t docs : {2, 40, 300})
    for (LossId loss : {LossId::marginMse, LossId::lambdaMrr})
      check(batch_of_families(random, docs, 2), plan_of(term_of(loss)));
}

}  // namespace
}  // namespace test
}  // namespace ckl
