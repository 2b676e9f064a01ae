// What the paper plots: entropy of the positives and their separation from the negatives, of all and of the top ten.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "batch.h"

namespace ckl {
namespace test {
namespace {

struct Described {
  double entropy = 0, separation = NAN, separation_top10 = NAN;
};

Described describe(const Query& query) {
  Numbers scores;
  std::vector<uint8_t> labels;
  for (size_t i = 0; i < query.size(); i++)
    if (query.labels[i] != 255) scores.push_back(query.student[i]), labels.push_back(query.labels[i]);
  const Softmax student(scores);
  Numbers sorted = scores;
  std::sort(sorted.rbegin(), sorted.rend());
  const double tenth = sorted[std::min<size_t>(9, sorted.size() - 1)];
  Described out;
  for (int top : {0, 1}) {
    double lowest = INFINITY, highest = -INFINITY;
    for (size_t i = 0; i < scores.size(); i++) {
      if (top && scores[i] < tenth) continue;
      if (labels[i] == 1) lowest = std::min(lowest, student.p[i]);
      else highest = std::max(highest, student.p[i]);
    }
    const double gap = std::isinf(lowest) || std::isinf(highest) ? NAN : lowest - highest;
    (top ? out.separation_top10 : out.separation) = gap;
  }
  for (size_t i = 0; i < scores.size(); i++)
    if (labels[i] == 1 && student.p[i] > 0) out.entropy -= student.p[i] * student.ln[i];
  return out;
}

bool close(float actual, double expected) {
  return std::isnan(expected) ? std::isnan(actual) : std::fabs(double(actual) - expected) <= 1e-5;
}

TEST_CASE("diagnostics: entropy and separation of every length") {
  Random random(81);
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5, term.alpha = 1;
  for (int64_t docs : {1, 2, 3, 8, 10, 11, 15, 16, 17, 40, 128, 129, 300, 512, 513, 1100}) {
    OwnedBatch batch = batch_of_families(random, docs, 11);
    if (docs % 2) pad(random, batch, 0.2);
    for (int64_t b = 0; b < batch.queries; b++)
      batch.labels[size_t(b * docs)] = 1, batch.student[size_t(b * docs)] = 0.25f, batch.teacher[size_t(b * docs)] = 0;
    Options options;
    options.diagnostics = true;
    const Promise promise(batch, plan_of(term));
    for (const Target& target : targets()) {
      const Result r = run(batch, plan_of(term), target, options);
      for (int64_t b = 0; b < batch.queries; b++) {
        const Described expected = describe(batch.query(b));
        const bool good = close(r.entropy[size_t(b)], expected.entropy) &&
                          close(r.separation[size_t(b)], expected.separation) &&
                          close(r.separation_top10[size_t(b)], expected.separation_top10);
        CHECK_MESSAGE(good, std::to_string(docs));
      }
      const std::string found = promise.fault(r);  // weight and ratio of each document
      CHECK_MESSAGE(found.empty(), found);
    }
  }
}

// A lane, a thread and a vector each see several of the ten, the best of them first.
TEST_CASE("diagnostics: the top ten at equal distances") {
  PlanTerm term;
  for (int64_t distance : {1, 16, 32, 64, 256, 1024}) {
    OwnedBatch batch;
    batch.queries = 1, batch.docs = batch.stride = 10 * distance;
    batch.student.assign(size_t(batch.docs), -3), batch.teacher.assign(size_t(batch.docs), 0);
    batch.labels.assign(size_t(batch.docs), 0);
    for (int64_t k = 0; k < 10; k++) {
      batch.student[size_t(k * distance)] = float(5 - 0.25 * double(k));
      batch.labels[size_t(k * distance)] = k == 8 || k == 9;
    }
    Options options;
    options.diagnostics = true;
    const Described expected = describe(batch.query(0));
    for (const Target& target : targets()) {
      const Result r = run(batch, plan_of(term), target, options);
      CHECK_MESSAGE(close(r.separation_top10[0], expected.separation_top10), std::to_string(distance));
      CHECK_MESSAGE(close(r.separation[0], expected.separation), std::to_string(distance));
    }
  }
}

TEST_CASE("diagnostics: asking for them changes no other bit") {
  Random random(82);
  for (const PlanTerm& term : all_terms())
    for (int64_t docs : {5, 64, 200}) {
      const OwnedBatch batch = batch_of_families(random, docs);
      Options options;
      options.diagnostics = true;
      for (const Target& target : targets()) {
        const Result with = run(batch, plan_of(term), target, options), without = run(batch, plan_of(term), target);
        CHECK(difference(with.grad, without.grad, "grad").empty());
        CHECK(difference(with.per_query, without.per_query, "perQuery").empty());
      }
    }
}

}  // namespace
}  // namespace test
}  // namespace ckl
