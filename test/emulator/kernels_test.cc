// The kernels keep the promises of the API at every width class, in every type and layout, against the reference.
#include <doctest/doctest.h>

#include <cmath>

#include "../cpp/batch.h"

namespace ckl {
namespace test {
namespace {

bool pairwise(const PlanTerm& term) { return kLosses[int(term.loss)].family == Family::pairwise; }

// Pairwise losses have no promise for infinite scores, and are quadratic in the reference.
int families_of(const PlanTerm& term) { return pairwise(term) ? kPlainFamilies : kFamilies; }
bool too_long(const PlanTerm& term, int64_t docs) { return pairwise(term) && docs > 300; }

void check(const OwnedBatch& batch, const Plan& plan, const Options& options, const char* about,
           const std::vector<Target>& where = targets()) {
  const Promise promise(batch, plan);
  for (const Target& target : where) {
    const std::string found = promise.fault(run(batch, plan, target, options));
    const std::string text = name_of(plan.terms[0]) + ", " + target.name + ", " + std::to_string(batch.docs) +
                             " documents, " + about + ": " + found;
    CHECK_MESSAGE(found.empty(), text);
  }
}

PlanTerm ckl_term(double gamma, double alpha) {
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = gamma, term.alpha = alpha;
  return term;
}

TEST_CASE("kernels: every loss and score family in rows around the borders of the warps' classes") {
  Random random(61);
  for (int64_t docs :
       {1, 2, 3, 4, 5, 8, 9, 17, 31, 33, 63, 64, 100, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1024})
    for (const PlanTerm& term : all_terms()) {
      if (too_long(term, docs)) continue;
      check(batch_of_families(random, docs, families_of(term)), plan_of(term), {}, "all families");
    }
}

TEST_CASE("kernels: rows of a block and of a cluster of blocks") {
  Random random(62);
  for (int64_t docs : {1025, 2048, 2049, 4096, 4097, 8192, 8193, 16384, 16385, 40000}) {
    const std::vector<Target> where = docs > 8192 ? targets() : std::vector<Target>{targets()[0]};
    for (const PlanTerm& term : all_terms()) {
      if (too_long(term, docs) || (docs > 5000 && term.gamma != 5 && term.gamma != 2.5)) continue;
      const int first = int(random.below(kFamilies));
      check(batch_of_families(random, docs, docs > 5000 ? 1 : 3, first), plan_of(term), {}, "long", where);
    }
  }
}

TEST_CASE("kernels: rows that the whole grid shares because they fit nowhere") {
  Random random(63);
  check(batch_of_families(random, 262144, 1, 2), plan_of(ckl_term(5, 0)), {}, "in the registers of a cluster",
        {targets()[0]});
  check(batch_of_families(random, 262147, 1, 1), plan_of(ckl_term(5, 0)), {}, "in the memory of a cluster",
        {targets()[0]});
  check(batch_of_families(random, 393217, 1, 1), plan_of(ckl_term(5, 0)), {}, "by the grid", {targets()[0]});
  // Chips without clusters: from 16385 on. All families, so that tops and infinities lie in chunks of their own.
  check(batch_of_families(random, 16387), plan_of(ckl_term(5, 0)), {}, "by the grid", {targets()[1]});
  for (const PlanTerm& term : all_terms()) {
    if (pairwise(term)) continue;
    OwnedBatch batch = ragged_batch(random, 4, 30000);
    pad(random, batch, 0.1);
    Options options;
    options.in_place = term.gamma == 5;
    check(batch, plan_of(term), options, "ragged, by the grid", {targets()[1]});
  }
}

TEST_CASE("kernels: float16 and bfloat16, in and out, in place, with the teacher's gradient") {
  Random random(64);
  for (DType type : {DType::float16, DType::bfloat16})
    for (int64_t docs : {1, 7, 8, 50, 255, 256, 300, 700, 1500, 8200, 9000})
      for (const PlanTerm& term : all_terms()) {
        if (too_long(term, docs) || (docs > 1000 && term.gamma != 5)) continue;
        OwnedBatch batch = batch_of_families(random, docs, docs > 1000 ? 1 : 11, docs > 1000 ? 1 : 0);
        convert(batch, type);
        Options options;
        options.teacher_grad = docs < 1000;
        options.in_place = docs % 2 == 0;
        check(batch, plan_of(term), options, type == DType::float16 ? "float16" : "bfloat16",
              docs % 3 ? targets() : std::vector<Target>{targets()[0]});
      }
}

TEST_CASE("kernels: ranks of every type, given beta, relevance") {
  Random random(65);
  for (int64_t docs : {2, 7, 40, 128, 130, 400, 1200}) {
    for (RankType type : {RankType::u8, RankType::u16, RankType::u32, RankType::i32, RankType::f32}) {
      OwnedBatch batch = batch_of_families(random, docs, docs > 300 ? 3 : kFamilies);
      batch.rank_type = type;
      for (size_t i = 0; i < batch.student.size(); i++) batch.ranks.push_back(double(1 + random.below(255)));
      if (type == RankType::f32) batch.ranks[random.bits() % batch.ranks.size()] = INFINITY;
      check(batch, plan_of(ckl_term(5, 3)), {}, "ranks");
      batch.ranks.clear();
      for (size_t i = 0; i < batch.student.size(); i++) batch.beta.push_back(float(random.uniform(-4, 4)));
      check(batch, plan_of(ckl_term(5, 3)), {}, "beta");
    }
  }
  PlanTerm term;
  term.loss = LossId::lambdaMrr;
  OwnedBatch batch = batch_of_families(random, 30, kPlainFamilies);
  for (size_t i = 0; i < batch.student.size(); i++) batch.ranks.push_back(double(1 + random.below(1000)));
  check(batch, plan_of(term), {}, "ranks");
  for (size_t i = 0; i < batch.student.size(); i++) batch.relevance.push_back(0.25f * float(random.below(5)) - 0.5f);
  check(batch, plan_of(term), {}, "ranks and relevance");
}

// Factors of a gradient that would overflow although it does not.
TEST_CASE("kernels: gradients scaled almost beyond a float's range") {
  Random random(68);
  for (int64_t docs : {20, 100, 1500}) {
    OwnedBatch batch = batch_of_families(random, docs, 1);
    for (int64_t i = 0; i < batch.queries * docs; i++) {
      batch.student[size_t(i)] = float(random.uniform(-12, 0)) - (i % docs ? 10 : 0);
      batch.teacher[size_t(i)] = float(random.uniform(-1, 1)), batch.labels[size_t(i)] = i % docs == 1;
    }
    Plan plan = plan_of(ckl_term(5, 0), Reduction::none);
    plan.grad_scale = 1e37;
    check(batch, plan, {}, "a huge scale");
  }
}

TEST_CASE("kernels: ranks of the current scores, in the kernel and in passes of their own") {
  Random random(66);
  for (int64_t docs : {3, 16, 33, 64, 65, 100, 250, 500, 1000, 1024, 1025, 4096, 4097, 9000, 20001}) {
    OwnedBatch batch = batch_of_families(random, docs, docs > 1024 ? 1 : 6, docs > 1024 ? 9 : 5);
    if (docs % 2) pad(random, batch, 0.2);
    for (double alpha : {1.0, 3.0}) check(batch, plan_of(ckl_term(5, alpha)), {}, "fresh ranks");
    check(batch, plan_of(ckl_term(2.5, 1.5)), {}, "fresh ranks, real gamma");
  }
  // Rows of different lengths that share warps.
  check(ragged_batch(random, 40, 100), plan_of(ckl_term(5, 1)), {}, "fresh ranks, ragged");
  // Sorted in one tile, two, and several; many ties, and two kinds of zero.
  check(ragged_batch(random, 6, 20000), plan_of(ckl_term(5, 1)), {}, "fresh ranks, ragged and long");
  for (int64_t docs : {3000, 5000, 13000}) {
    OwnedBatch batch = batch_of_families(random, docs, 1, 1);
    for (float& score : batch.student) {
      const int level = int(random.below(40)) - 20;
      score = level == 0 && random.below(2) ? -0.0f : 0.25f * float(level);
    }
    check(batch, plan_of(ckl_term(5, 2)), {}, "fresh ranks, ties");
  }
}

TEST_CASE("kernels: padded, ragged and strided batches") {
  Random random(67);
  for (const PlanTerm& term : all_terms())
    for (int64_t docs : {1, 5, 33, 128, 150}) {
      if (too_long(term, docs)) continue;
      OwnedBatch batch = batch_of_families(random, docs, families_of(term));
      pad(random, batch, 0.3);
      check(batch, plan_of(term), {}, "padded");
      if (!pairwise(term)) check(ragged_batch(random, 40, docs), plan_of(term), {}, "ragged");
      OwnedBatch strided = batch_of_families(random, docs + 3, families_of(term));
      strided.docs = docs;
      check(strided, plan_of(term), {}, "strided");
    }
  for (int round = 0; round < 3; round++)
    check(ragged_batch(random, 6, 3000), plan_of(ckl_term(5, round)), {}, "ragged over several classes");
}

TEST_CASE("kernels: temperatures from ordinary to extreme") {
  Random random(68);
  const double temperatures[][2] = {{0.5, 2},     {2, 1},       {1, 0.05},  {3, 7},        {0.01, 100},
                                    {1e30, 1e-3}, {8e37, 8e37}, {1e-30, 1}, {1e-38, 3e-38}};
  for (const PlanTerm& term : all_terms()) {
    if (pairwise(term)) continue;
    for (int64_t docs : {1, 9, 131})
      for (const auto& t : temperatures) {
        Plan plan = plan_of(term);
        plan.student_temperature = t[0], plan.teacher_temperature = t[1];
        Options options;
        options.teacher_grad = docs == 9;
        check(batch_of_families(random, docs), plan, options, "temperatures", {targets()[0]});
      }
  }
}

TEST_CASE("kernels: reductions, weights and gradScale") {
  Random random(69);
  for (const PlanTerm& term : all_terms())
    for (Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
      OwnedBatch batch = batch_of_families(random, 24, kPlainFamilies);
      Plan plan = plan_of(term, reduction);
      plan.terms[0].weight = -2.5;
      plan.grad_scale = 1024;
      check(batch, plan, {}, "scaled");
      for (int64_t b = 0; b < batch.queries; b++)
        batch.weights.push_back(b % 4 == 0 ? 0.0f : float(random.uniform(0, 3)));
      for (int64_t i = 0; i < 3 * batch.docs; i++) batch.labels[size_t(i)] = 0;  // some losses do not count these
      plan.grad_scale = -0.5;
      check(batch, plan, {}, "weighted");
    }
}

TEST_CASE("kernels: weighted sums of losses, with diagnostics") {
  Random random(70);
  each_weighted_sum(random, [](const OwnedBatch& batch, const Plan& plan, Options options) {
    options.diagnostics &= plan.reads_teacher();
    check(batch, plan, options, "combined");
  });
}

TEST_CASE("kernels: pairwise losses over more documents than a team has threads, and over relevance") {
  Random random(71);
  PlanTerm term;
  term.loss = LossId::lambdaMrr;
  for (int64_t docs : {300, 1100}) {
    OwnedBatch batch = batch_of_families(random, docs, 1);
    for (size_t i = 0; i < batch.student.size(); i++) batch.relevance.push_back(0.5f * float(random.below(4)));
    Options options;
    options.in_place = docs == 300;
    Plan plan = plan_of(term);
    plan.pair_mean = docs == 300 ? PairMean::batch : PairMean::query;
    check(batch, plan, options, "lambdaMrr");
    PlanTerm margin;
    margin.loss = LossId::marginMse;
    check(batch, plan_of(margin), options, "marginMse");
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
