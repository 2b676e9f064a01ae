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

TEST_CASE("chips: rows that the whole grid shares, as many at a time as a cache holds") {
  Random random(105);
  // Chips without clusters: from 16,385 documents on. All families, so that tops and infinities lie in chunks of their own.
  const OwnedBatch batch = batch_of_families(random, 17000, kFamilies);
  uint64_t launches[3];
  for (int k = 0; k < 3; k++) {
    // A row has 153,000 bytes, and half of the cache is for rows: all of them; seven at a time; none.
    emulator::pretend(80, {2, 1, 1, k == 0 ? 50 << 20 : k == 1 ? 2200000 : 1000});
    cuda::CudaBackend backend(0);
    const uint64_t before = emulator::launches();
    const Plan plan = plan_of(term_of(LossId::ckl));
    const std::string found = Promise(batch, plan).fault(run(batch, plan, backend));
    launches[k] = emulator::launches() - before;
    CHECK_MESSAGE(found.empty(), found);
  }
  CHECK(launches[1] - launches[0] == uint64_t(3 * ((batch.queries + 6) / 7 - 1)));
  CHECK(launches[2] - launches[0] == uint64_t(3 * (batch.queries - 1)));
}

TEST_CASE("chips: code with few kernels") {
  Random random(104);
  const auto make = [](const Target&, const Options&) -> std::shared_ptr<Backend> {
    emulator::pretend(75, {2, 1, 1});
    return std::make_shared<cuda::CudaBackend>(0);
  };
  const Target turing = {"sm_75", make, 75};
  for (int64_t docs : {16, 33, 100, 512, 513, 600, 1000, 1024, 1025, 2049, 9000}) {
    for (LossId loss : {LossId::ckl, LossId::kl, LossId::jsd})
      for (double alpha : {0.0, 2.0}) {
        if (alpha > 0 && loss != LossId::ckl) continue;
        OwnedBatch batch = batch_of_families(random, docs, docs > 2000 ? 2 : kFamilies);
        if (docs % 2 > 0) convert(batch, DType::bfloat16);
        PlanTerm term = term_of(loss);
        term.alpha = alpha;
        const Plan plan = plan_of(term);
        const std::string found = Promise(batch, plan).fault(run(batch, plan, turing));
        const std::string about = std::string(kLosses[int(loss)].name) + " alpha " + std::to_string(alpha) + ", " +
                                  std::to_string(docs) + " documents: " + found;
        CHECK_MESSAGE(found.empty(), about);
      }
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

uint64_t launches_of(const OwnedBatch& batch, const Plan& plan, const Target& chip) {
  const uint64_t before = emulator::launches();
  const Result result = run(batch, plan, chip);
  const std::string found = Promise(batch, plan).fault(result);
  CHECK_MESSAGE(found.empty(), found);
  return emulator::launches() - before;
}

// Launches of a run with a mean; test/cuda/budget.mjs reads these for bench/results and the model of speed.
constexpr uint64_t kOneWave = 1;  // launches of "one wave"
constexpr uint64_t kLanes = 2;    // launches of "up to 1,024 documents"
constexpr uint64_t kTeams = 2;    // launches of "block or cluster"
constexpr uint64_t kSweeps = 5;   // launches of "grid"

TEST_CASE("chips: a batch that runs at once takes one launch, larger ones two, and no count is made in vain") {
  Random random(104);
  const Plan mean = plan_of(term_of(LossId::ckl)), sum = plan_of(term_of(LossId::ckl), Reduction::sum);
  // The first chip runs 1024 rows of 64 documents at once, 64 of 1000 and 16 of 2000.
  const int64_t shapes[][2] = {{64, 1030}, {1000, 70}, {2000, 20}};
  for (const auto& shape : shapes) {
    OwnedBatch few = batch_of_families(random, shape[0], 10), many = batch_of_families(random, shape[0], int(shape[1]));
    for (int64_t b = 0; b < few.queries; b++) few.weights.push_back(float(random.uniform(0, 3)));
    const uint64_t expected = shape[0] <= 1024 ? kLanes : kTeams;
    CHECK(launches_of(few, mean, kTargets[0]) == kOneWave);
    CHECK(launches_of(few, sum, kTargets[0]) == 1);
    CHECK(launches_of(many, mean, kTargets[0]) == expected);
    CHECK(launches_of(many, mean, kTargets[4]) == expected);
    CHECK(launches_of(many, sum, kTargets[0]) == 1);
  }
  CHECK(launches_of(batch_of_families(random, 30000, 1), mean, kTargets[0]) == kTeams);
  CHECK(launches_of(batch_of_families(random, 30000, 1), mean, kTargets[3]) == kSweeps);
  CHECK(launches_of(batch_of_families(random, 64, 5), plan_of(term_of(LossId::marginMse)), kTargets[0]) == 2);
}

TEST_CASE("chips: a mean counts queries wherever their labels lie") {
  Random random(105);
  for (int64_t docs : {1, 15, 16, 17, 50, 129, 513, 1001, 2049, 5000})
    for (int64_t queries : {1, 3, docs > 600 ? 4 : 90}) {
      OwnedBatch batch = batch_of_families(random, docs, int(queries), 0);
      // A single positive at any place, or none, among negatives and padding.
      for (int64_t b = 0; b < queries; b++) {
        for (int64_t i = 0; i < docs; i++) batch.labels[size_t(b * docs + i)] = random.below(3) ? 0 : kPadding;
        const int64_t at = random.below(unsigned(docs) + 1);
        if (at < docs) batch.labels[size_t(b * docs + at)] = kPositive;
      }
      for (LossId loss : {LossId::ckl, LossId::kl})
        for (const Target& chip : {kTargets[0], kTargets[4]}) launches_of(batch, plan_of(term_of(loss)), chip);
    }
}

}  // namespace
}  // namespace test
}  // namespace ckl
