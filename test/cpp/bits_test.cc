// A row's bits depend on the row alone: not on its place, its neighbours, the threads, nor (with FMA) the instruction set.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "batch.h"

namespace ckl {
namespace test {
namespace {

const Options kEverything = [] {
  Options o;
  o.teacher_grad = o.diagnostics = true;
  return o;
}();

void same(const Result& a, const Result& b, const std::string& about) {
  const std::string found = difference(a, b);
  CHECK_MESSAGE(found.empty(), (about + ": " + found));
}

// Row b as a batch of its own. Reduction none: the mean would divide by another count.
OwnedBatch alone(const OwnedBatch& batch, int64_t b) {
  const int64_t begin = batch.rows().begin(b), n = batch.rows().length(b);
  const auto part = [&](const auto& x) {
    using T = std::decay_t<decltype(x)>;
    return x.empty() ? T() : T(x.begin() + begin, x.begin() + begin + n);
  };
  OwnedBatch one;
  one.queries = 1, one.docs = one.stride = n, one.type = batch.type, one.rank_type = batch.rank_type;
  one.student = part(batch.student), one.teacher = part(batch.teacher), one.labels = part(batch.labels);
  one.ranks = part(batch.ranks), one.beta = part(batch.beta), one.relevance = part(batch.relevance);
  if (!batch.weights.empty()) one.weights = {batch.weights[size_t(b)]};
  return one;
}

void same_alone(const OwnedBatch& batch, const Plan& plan, const Options& options, const std::string& about) {
  for (const cpu::Target& target : cpu::targets()) {
    const Result all = run(batch, plan, target, options);
    for (int64_t b = 0; b < batch.queries; b++) {
      Result one = run(alone(batch, b), plan, target, options);
      one.summary = {};
      same(row_of(all, batch, b), one,
           about + ", " + name_of(plan.terms[0]) + ", " + target.name + ", " + std::to_string(batch.rows().length(b)) +
               " documents, query " + std::to_string(b));
    }
  }
}

TEST_CASE("bits: a row alone, and among rows with infinities, wide ranges and padding") {
  Random random(31);
  for (const PlanTerm& term : all_terms())
    for (int64_t docs : {1, 2, 3, 4, 7, 15, 16, 17, 33, 100, 127, 128, 129, 200, 4100}) {
      if (docs > 200 && term.gamma != 5) continue;
      const Plan plan = plan_of(term, Reduction::none);
      Options options;
      // With nothing else asked for, ordinary rows go through the fast passes, and next to hostile ones through the
      // general passes: the comparison shows that both agree.
      same_alone(batch_of_families(random, docs), plan, options, "families");
      OwnedBatch hostile = batch_of_families(random, docs, 17);
      hostile.student[size_t(random.below(docs))] = NAN;
      hostile.teacher[size_t(docs * 16 + random.below(docs))] = INFINITY;
      for (int64_t i = docs; i < 2 * docs; i++)
        if (random.below(2)) hostile.labels[size_t(i)] = 255;
      same_alone(hostile, plan, options, "hostile neighbours");
      if (docs <= 128) same_alone(hostile, plan, kEverything, "everything asked for");
    }
}

TEST_CASE("bits: ragged, weighted, half and ranked rows alone and together") {
  Random random(32);
  for (const PlanTerm& term : all_terms()) {
    Plan plan = plan_of(term, Reduction::sum);
    plan.student_temperature = 0.7, plan.grad_scale = 64;
    OwnedBatch batch = ragged_batch(random, 45, 150);
    for (int64_t b = 0; b < batch.queries; b++) batch.weights.push_back(float(random.uniform(0, 2)));
    same_alone(batch, plan, {}, "ragged");
    for (size_t i = 0; i < batch.student.size(); i++) batch.ranks.push_back(double(1 + random.below(200)));
    batch.rank_type = RankType::u8;
    convert(batch, DType::float16);
    same_alone(batch, plan, {}, "ragged float16 with ranks");
    pad(random, batch, 0.3);
    convert(batch, DType::bfloat16);
    same_alone(batch, plan, {}, "ragged bfloat16 with padding");
  }
}

// The same lists in rows of `docs`, followed by garbage.
OwnedBatch padded_to(const OwnedBatch& ragged, int64_t docs) {
  const auto spread = [&](auto& x, auto garbage) {
    if (x.empty()) return;
    std::decay_t<decltype(x)> wide(size_t(ragged.queries * docs), garbage);
    for (int64_t b = 0; b < ragged.queries; b++)
      std::copy_n(x.begin() + ragged.rows().begin(b), ragged.rows().length(b), wide.begin() + b * docs);
    x = wide;
  };
  OwnedBatch batch = ragged;
  batch.offsets.clear();
  batch.docs = batch.stride = docs;
  spread(batch.student, NAN), spread(batch.teacher, INFINITY), spread(batch.labels, uint8_t(255));
  spread(batch.ranks, 0.0), spread(batch.beta, NAN);
  return batch;
}

void same_padded(const OwnedBatch& ragged, int64_t docs, const PlanTerm& term, const Options& options) {
  const OwnedBatch padded = padded_to(ragged, docs);
  const Plan plan = plan_of(term, Reduction::none);
  for (const cpu::Target& target : cpu::targets()) {
    const Result all = run(ragged, plan, target, options), wide = run(padded, plan, target, options);
    CHECK(all.status.ok());
    CHECK(wide.status.ok());
    for (int64_t b = 0; b < ragged.queries; b++) {
      const size_t n = size_t(ragged.rows().length(b));
      Result row = row_of(wide, padded, b);
      bool zero = true;
      for (Floats* x : {&row.grad, &row.teacher_grad, &row.weight, &row.ratio}) {
        if (x->empty()) continue;
        for (size_t i = n; i < x->size(); i++) zero &= (*x)[i] == 0;
        x->resize(n);
      }
      const std::string about =
          name_of(term) + ", " + target.name + ", " + std::to_string(n) + " of " + std::to_string(docs) + " documents";
      if (!zero) CHECK_MESSAGE(zero, about);
      same(row, row_of(all, ragged, b), about);
    }
  }
}

TEST_CASE("bits: a list padded at its end as in a ragged batch") {
  Random random(38);
  for (const PlanTerm& term : all_terms()) {
    for (int64_t docs : {9, 70, 128, 170}) {
      OwnedBatch ragged = ragged_batch(random, 37, docs);
      for (int64_t wider : {0, 3, 90}) same_padded(ragged, docs + wider, term, {});
      same_padded(ragged, docs + 1, term, kEverything);
      for (size_t i = 0; i < ragged.student.size(); i++) ragged.ranks.push_back(double(1 + random.below(200)));
      same_padded(ragged, docs + 7, term, {});
      if (term.loss != LossId::ckl) continue;
      ragged.ranks.clear();
      for (size_t i = 0; i < ragged.student.size(); i++) ragged.beta.push_back(float(random.uniform(-4, 0)));
      same_padded(ragged, docs + 7, term, {});
    }
  }
}

TEST_CASE("bits: any number of threads") {
  Random random(33);
  for (const PlanTerm& term : all_terms()) {
    OwnedBatch batch = batch_of_families(random, 97);
    // Enough documents for several threads: the rows over and over.
    const OwnedBatch once = batch;
    for (int round = 0; round < 120; round++) {
      batch.student.insert(batch.student.end(), once.student.begin(), once.student.end());
      batch.teacher.insert(batch.teacher.end(), once.teacher.begin(), once.teacher.end());
      batch.labels.insert(batch.labels.end(), once.labels.begin(), once.labels.end());
      batch.queries += once.queries;
    }
    for (int64_t b = 0; b < batch.queries; b++) batch.weights.push_back(float(random.uniform(0, 2)));
    const Plan plan = plan_of(term);
    Options options;
    const Result one = run(batch, plan, cpu::targets().back(), options);
    for (int threads : {2, 3, 5, 8}) {
      options.threads = threads;
      same(one, run(batch, plan, cpu::targets().back(), options),
           name_of(term) + ", threads " + std::to_string(threads));
    }
  }
  OwnedBatch ragged = ragged_batch(random, 3000, 150);
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5, term.alpha = 1;
  Options several;
  several.threads = 3;
  same(run(ragged, plan_of(term), cpu::targets().back()), run(ragged, plan_of(term), cpu::targets().back(), several),
       "ragged");
}

TEST_CASE("bits: in place as into other memory") {
  Random random(34);
  for (const PlanTerm& term : all_terms())
    for (int64_t docs : {3, 16, 90, 128, 129, 300}) {
      const OwnedBatch batch = batch_of_families(random, docs);
      Options options = kEverything;
      for (const cpu::Target& target : cpu::targets()) {
        options.in_place = false;
        const Result apart = run(batch, plan_of(term), target, options);
        options.in_place = true;
        same(apart, run(batch, plan_of(term), target, options), name_of(term));
      }
    }
}

TEST_CASE("bits: avx2 and avx512 agree on everything") {
  const cpu::Target *avx2 = cpu::find_target("avx2"), *avx512 = cpu::find_target("avx512");
  if (!avx2 || !avx512) return;  // nothing to compare on this machine
  Random random(35);
  for (const PlanTerm& term : all_terms())
    for (int64_t docs = 1; docs <= 300; docs += docs < 140 ? 1 : 23) {
      OwnedBatch batch = batch_of_families(random, docs, 19);
      if (docs % 3 == 0) pad(random, batch, 0.2);
      Plan plan = plan_of(term);
      if (docs % 4 == 0) plan.student_temperature = 0.3, plan.teacher_temperature = 3;
      if (docs % 5 == 0) convert(batch, DType::float16);
      Options options;
      options.teacher_grad = options.diagnostics = docs % 2 == 0;
      same(run(batch, plan, *avx2, options), run(batch, plan, *avx512, options),
           name_of(term) + ", " + std::to_string(docs));
    }
  for (const PlanTerm& term : all_terms()) {
    if (kLosses[int(term.loss)].family == Family::pairwise) continue;
    const OwnedBatch batch = batch_of_families(random, 8192 + 5, 18);
    same(run(batch, plan_of(term), *avx2), run(batch, plan_of(term), *avx512), name_of(term) + ", long");
  }
}

TEST_CASE("bits: nothing between the rows of a wider array is touched") {
  Random random(36);
  for (int64_t docs : {1, 3, 16, 90, 129})
    for (bool ragged : {false, true}) {
      OwnedBatch batch = batch_of_families(random, docs + 5);
      batch.docs = docs;
      if (ragged) batch.offsets.push_back(3);
      for (int64_t b = 0; ragged && b < batch.queries; b++)
        batch.offsets.push_back(batch.offsets.back() + int32_t(docs));
      batch.student.resize(size_t(batch.extent())), batch.labels.resize(batch.student.size());
      Options options = kEverything;
      for (const cpu::Target& target : cpu::targets()) {
        const Result result = run(batch, plan_of(PlanTerm()), target, options);
        std::vector<bool> inside(batch.student.size());
        for (int64_t b = 0; b < batch.queries; b++)
          for (int64_t i = 0; i < docs; i++) inside[size_t(batch.rows().begin(b) + i)] = true;
        for (const Floats* x : {&result.grad, &result.teacher_grad, &result.weight, &result.ratio})
          for (size_t i = 0; i < inside.size(); i++) {
            const bool touched = (*x)[i] != kUntouched;
            if (touched != inside[i]) CHECK_MESSAGE(touched == inside[i], std::to_string(i));
          }
      }
    }
}

}  // namespace
}  // namespace test
}  // namespace ckl
