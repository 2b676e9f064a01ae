// Chips that hold few blocks at once, or no clusters of blocks, or smaller ones: every row is right on them too, and what a device
// refuses is never launched.
#include <doctest/doctest.h>

#include "../../cuda/launch/cuda_backend.h"
#include "../cpp/batch.h"
#include "runtime.h"

namespace ckl {
namespace test {
namespace {

PlanTerm term_of(LossId loss) {
  PlanTerm term;
  term.loss = loss, term.gamma = 5;
  return term;
}

constexpr emulator::Limits kChips[] = {{16, 1, 16}, {16, 1, 8}, {16, 1, 4}, {16, 1, 1}, {1, 1, 1}, {3, 2, 2}};

template <int kChip>
Target target() {
  const auto make = [](const Target&, const Options&) -> std::shared_ptr<Backend> {
    emulator::pretend(90, kChips[kChip]);
    return std::make_shared<cuda::CudaBackend>(0);
  };
  return {"sm_90 with limits", make, 90};
}
const Target kTargets[] = {target<0>(), target<1>(), target<2>(), target<3>(), target<4>(), target<5>()};

TEST_CASE("chips: rows of any length on chips with smaller clusters, or none") {
  Random random(101);
  for (const Target& chip : kTargets)
    for (int64_t docs : {100, 9000, 17000, 70000}) {
      const OwnedBatch batch = batch_of_families(random, docs, docs > 1000 ? 1 : 30, docs > 1000 ? 1 : 0);
      const Plan plan = plan_of(term_of(LossId::ckl));
      const std::string found = Promise(batch, plan).fault(run(batch, plan, chip));
      const std::string about = std::to_string(docs) + " documents: " + found;
      CHECK_MESSAGE(found.empty(), about);
    }
}

TEST_CASE("chips: pairwise rows of a cluster on chips with smaller clusters, or none") {
  Random random(102);
  OwnedBatch batch = batch_of_families(random, 33000, 1);
  for (size_t i = 0; i < batch.labels.size(); i++) batch.labels[i] = i % 4000 == 7;
  const Plan plan = plan_of(term_of(LossId::marginMse));
  std::vector<Result> results;
  for (const Target& chip : kTargets) results.push_back(run(batch, plan, chip));
  for (const Result& result : results) {
    REQUIRE(result.status.ok());
    CHECK(std::abs(result.summary.loss - results[0].summary.loss) <= 1e-5 * std::abs(results[0].summary.loss));
  }
}

TEST_CASE("chips: a launch has no more blocks than run at once, and its sum the same bits every time") {
  Random random(103);
  const OwnedBatch batch = batch_of_families(random, 200, 90);
  const Plan plan = plan_of(term_of(LossId::ckl));
  for (const Target& chip : kTargets) {
    const Result first = run(batch, plan, chip);
    for (uint64_t seed = 1; seed < 4; seed++) {
      emulator::seed(seed);
      const Result again = run(batch, plan, chip);
      CHECK(again.summary.loss == first.summary.loss);
      CHECK(difference(again.grad, first.grad, "grad").empty());
    }
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
