// A row's bits depend on the row alone, and the batch's on the batch alone: not on its neighbours, its place, the layout
// around it, or the order that threads run in.
#include <doctest/doctest.h>

#include <cmath>

#include "../cpp/batch.h"
#include "runtime.h"

namespace ckl {
namespace test {
namespace {

// Row b as a batch of its own.
OwnedBatch alone(const OwnedBatch& batch, int64_t b) {
  const int64_t begin = batch.rows().begin(b), n = batch.rows().length(b);
  OwnedBatch row;
  row.queries = 1, row.docs = row.stride = n, row.type = batch.type;
  row.student.assign(batch.student.begin() + begin, batch.student.begin() + begin + n);
  row.teacher.assign(batch.teacher.begin() + begin, batch.teacher.begin() + begin + n);
  row.labels.assign(batch.labels.begin() + begin, batch.labels.begin() + begin + n);
  return row;
}

std::vector<PlanTerm> few_terms() {
  std::vector<PlanTerm> terms;
  for (const PlanTerm& t : all_terms())
    if (t.loss != LossId::ckl || t.gamma == 5 || t.gamma == 2.5) terms.push_back(t);
  return terms;
}

TEST_CASE("bits: a row alone has the bits it has in a batch, padded or ragged") {
  Random random(81);
  for (const Target& target : targets())
    for (const PlanTerm& term : few_terms()) {
      const Plan plan = plan_of(term, Reduction::none);
      const bool pairs = kLosses[int(term.loss)].family == Family::pairwise;
      for (int round = 0; round < 3; round++) {
        OwnedBatch batch = round == 0   ? ragged_batch(random, 24, 300)
                           : round == 1 ? batch_of_families(random, 37, 9)
                                        : ragged_batch(random, 5, pairs ? 200 : 5000);
        if (round == 1) pad(random, batch, 0.2);
        if (term.gamma == 5) convert(batch, DType::bfloat16);
        const Result all = run(batch, plan, target);
        REQUIRE(all.status.ok());
        for (int64_t b = 0; b < batch.queries; b++) {
          const OwnedBatch row = alone(batch, b);
          const Result in_batch = row_of(all, batch, b), by_itself = run(row, plan, target);
          const std::string found = difference(in_batch.grad, by_itself.grad, "grad") +
                                    difference(in_batch.per_query, by_itself.per_query, "perQuery");
          const std::string about = name_of(term) + ", row of " + std::to_string(row.docs) + ": " + found;
          CHECK_MESSAGE(found.empty(), about);
        }
      }
    }
}

// Their blocks have as many warps as the longest row of the batch needs.
TEST_CASE("bits: a row that the fast kernels defer has the bits it has in a batch") {
  Random random(86);
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5, term.alpha = 1;
  for (const Target& target : targets())
    for (int64_t docs : {300, 5000, 7000}) {
      OwnedBatch batch = ragged_batch(random, 7, docs);
      for (int64_t b = 0; b < batch.queries; b++) batch.student[size_t(batch.rows().begin(b))] = -INFINITY;
      const Plan plan = plan_of(term, Reduction::none);
      const Result all = run(batch, plan, target);
      for (int64_t b = 0; b < batch.queries; b++) {
        const OwnedBatch row = alone(batch, b);
        const std::string found = difference(row_of(all, batch, b).grad, run(row, plan, target).grad, "grad");
        const std::string about = std::to_string(row.docs) + " documents: " + found;
        CHECK_MESSAGE(found.empty(), about);
      }
    }
}

TEST_CASE("bits: a row that the whole grid shares has the bits it has in a batch") {
  Random random(84);
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5;
  const OwnedBatch batch = ragged_batch(random, 5, 20000);
  const Target& target = targets()[1];
  const Result all = run(batch, plan_of(term, Reduction::none), target);
  for (int64_t b = 0; b < batch.queries; b++) {
    emulator::seed(uint64_t(b) + 7);
    const Result in_batch = row_of(all, batch, b);
    const Result by_itself = run(alone(batch, b), plan_of(term, Reduction::none), target);
    CHECK(difference(in_batch.grad, by_itself.grad, "grad").empty());
    CHECK(difference(in_batch.per_query, by_itself.per_query, "perQuery").empty());
  }
}

TEST_CASE("bits: the order that threads and blocks run in is of no consequence") {
  Random random(82);
  for (const PlanTerm& term : few_terms())
    for (int64_t docs : {20, 200, 1500, 9000}) {
      if (docs > 200 && kLosses[int(term.loss)].family == Family::pairwise) continue;
      OwnedBatch batch = batch_of_families(random, docs, docs > 1000 ? 2 : 40);
      const Plan plan = plan_of(term);
      const Result first = run(batch, plan, targets()[0]);
      for (uint64_t seed = 2; seed < 5; seed++) {
        emulator::seed(seed);
        const std::string found = difference(first, run(batch, plan, targets()[0]));
        CHECK_MESSAGE(found.empty(), found);
      }
    }
}

// The general kernels' bits are others: a row that were left to them would show.
TEST_CASE("bits: a teacher's score of -infinity is a fast row's score far below the others") {
  Random random(85);
  for (const PlanTerm& term : all_terms()) {
    if (kLosses[int(term.loss)].family == Family::pairwise) continue;
    if (term.loss == LossId::nll || term.loss == LossId::reverseKl) continue;  // no teacher; infinite
    for (int64_t docs : {3, 50, 100, 300, 1000, 1500}) {
      OwnedBatch low = batch_of_families(random, docs, 3), none = low;
      for (int64_t i = 0; i < low.queries * docs; i++) {
        if (i % docs == 0 || i % 3) continue;  // the first stays, so that no row is without a teacher
        low.teacher[size_t(i)] = -1e9f, none.teacher[size_t(i)] = -INFINITY;
        if (i % 9 == 3) low.student[size_t(i)] = none.student[size_t(i)] = -500;  // its exponential is 0, too
      }
      const Plan plan = plan_of(term, Reduction::none);
      const Result a = run(low, plan, targets()[0]), b = run(none, plan, targets()[0]);
      const std::string found = difference(a.grad, b.grad, "grad") + difference(a.per_query, b.per_query, "perQuery");
      const std::string about = name_of(term) + ", " + std::to_string(docs) + " documents: " + found;
      CHECK_MESSAGE(found.empty(), about);
    }
  }
}

TEST_CASE("bits: a mean over more rows than a launch has blocks, twice the same") {
  Random random(83);
  OwnedBatch batch;
  batch.queries = 65600, batch.docs = batch.stride = 128;  // sixteen rows per block
  const OwnedBatch few = batch_of_families(random, 128, 11);
  for (size_t i = 0; i < size_t(batch.extent()); i++) {
    const size_t from = i % few.student.size();
    batch.student.push_back(few.student[from]), batch.teacher.push_back(few.teacher[from]);
    batch.labels.push_back(few.labels[from]);
  }
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5;
  const Result a = run(batch, plan_of(term), targets()[0]);
  emulator::seed(99);
  const Result b = run(batch, plan_of(term), targets()[0]);
  CHECK(difference(a, b).empty());
  CHECK(a.summary.counted == batch.queries);
  double sum = 0;
  for (float loss : a.per_query) sum += double(loss);
  CHECK(std::fabs(a.summary.loss - sum / double(batch.queries)) < 1e-9 * std::fabs(sum));
}

}  // namespace
}  // namespace test
}  // namespace ckl
