// Whether a result keeps every promise of the API, against the reference.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "batch.h"

namespace ckl {
namespace test {

namespace {

std::string say(const char* what, int64_t query, int64_t document, double actual, double expected, double tolerance) {
  char text[256];
  std::snprintf(text, sizeof text, "%s of query %lld, document %lld is %.9g, not %.9g within %.3g", what,
                static_cast<long long>(query), static_cast<long long>(document), actual, expected, tolerance);
  return text;
}

// Relative error of storing a result in the batch's type, and what its smallest numbers are rounded to.
double rounding(DType type) { return type == DType::float32 ? 0x1p-23 : type == DType::float16 ? 0x1p-11 : 0x1p-8; }
double floor_of(DType type) { return type == DType::float16 ? 0x1p-24 : 0x1p-126; }

bool agree(double actual, double expected, double tolerance, bool may_overflow = false) {
  if (may_overflow && actual == INFINITY) return true;
  // A row without a finite score: the reference's bound is NaN where its value cancels.
  if (std::isnan(expected) || std::isnan(tolerance)) return std::isnan(actual);
  // Scores so far apart that the reference overflows as well: its bound is infinite, and the value may be anything large.
  if (may_overflow && std::isinf(expected) && std::isinf(tolerance)) return actual > 0x1p100;
  if (std::isinf(expected)) return actual == expected;
  if (std::fabs(expected) > 3.4028234e38 && std::isinf(actual)) return (actual > 0) == (expected > 0);
  return std::fabs(actual - expected) <= tolerance;
}

void add(std::vector<Bounded>& to, const std::vector<Bounded>& from, double factor) {
  to.resize(from.size());
  for (size_t i = 0; i < from.size(); i++) {
    to[i].value += factor * from[i].value;
    to[i].tolerance += std::fabs(factor) * (from[i].tolerance + 4 * 0x1p-23 * std::fabs(from[i].value));
  }
}

}  // namespace

Promise::Promise(const OwnedBatch& batch, const Plan& plan) : batch_(batch) {
  const size_t queries = size_t(batch.queries);
  sums_.resize(queries);
  for (const PlanTerm& term : plan.terms) {
    std::vector<Expected> expected;
    Numbers multiplicity(queries);
    double normaliser = 0;
    for (size_t b = 0; b < queries; b++) {
      expected.push_back(expect(batch.query(int64_t(b)), term, plan.student_temperature, plan.teacher_temperature));
      const Expected& e = expected.back();
      if (!e.counted) continue;
      const bool by_pairs = e.pairs > 0 && plan.pair_mean == PairMean::batch;
      multiplicity[b] = (batch.weights.empty() ? 1.0 : double(batch.weights[b])) * (by_pairs ? e.pairs : 1);
      normaliser += multiplicity[b];
      sums_[b].counted = true, sums_[b].overflows |= e.overflows, overflows_ |= e.overflows;
    }
    if (plan.reduction != Reduction::mean) normaliser = 1;
    for (size_t b = 0; b < queries; b++) {
      const Expected& e = expected[b];
      Sum& sum = sums_[b];
      const double share = normaliser > 0 ? term.weight * multiplicity[b] / normaliser : 0;
      for (auto* x : {&sum.grad, &sum.teacher_grad, &sum.weight, &sum.ratio}) x->resize(e.grad.size());
      if (!e.counted) continue;
      sum.loss.value += term.weight * e.loss.value, sum.loss.tolerance += std::fabs(term.weight) * e.loss.tolerance;
      if (share != 0) loss_.value += share * e.loss.value, loss_.tolerance += std::fabs(share) * e.loss.tolerance;
      add(sum.grad, e.grad, share * plan.grad_scale);
      add(sum.teacher_grad, e.teacher_grad, share * plan.grad_scale);
      add(sum.weight, e.weight, term.weight), add(sum.ratio, e.ratio, term.weight);
    }
  }
}

void Promise::widen(double factor, double floor) {
  for (Sum& sum : sums_) {
    sum.loss.tolerance = factor * sum.loss.tolerance + floor;
    for (auto* list : {&sum.grad, &sum.teacher_grad, &sum.weight, &sum.ratio})
      for (Bounded& x : *list) x.tolerance = factor * x.tolerance + floor;
  }
  loss_.tolerance = factor * loss_.tolerance + floor;
}

std::string Promise::fault_of_query(const Result& result, int64_t b) const {
  const Sum& sum = sums_[size_t(b)];
  const double loss = result.per_query[size_t(b)];
  const double tolerance = sum.loss.tolerance + 0x1p-22 * std::fabs(sum.loss.value);
  if (!agree(loss, sum.loss.value, tolerance, sum.overflows))
    return say("the loss", b, -1, loss, sum.loss.value, tolerance);
  const int64_t begin = batch_.rows().begin(b);
  std::string found;
  const auto look = [&](const Floats& actual, const std::vector<Bounded>& expected, DType type, const char* what) {
    for (size_t i = 0; found.empty() && !actual.empty() && i < expected.size(); i++) {
      const double a = actual[size_t(begin) + i];
      const Bounded& e = expected[i];
      if (std::isnan(e.value) && &expected == &sum.ratio) continue;  // no ratio where p or q is 0
      const bool masked = batch_.labels[size_t(begin) + i] == 255;
      const double allowed = masked ? 0 : e.tolerance + rounding(type) * std::fabs(e.value) + floor_of(type);
      if (!agree(a, e.value, allowed)) found = say(what, b, int64_t(i), a, e.value, allowed);
    }
  };
  look(result.grad, sum.grad, batch_.type, "grad");
  look(result.teacher_grad, sum.teacher_grad, batch_.type, "teacherGrad");
  look(result.weight, sum.weight, DType::float32, "weight");
  look(result.ratio, sum.ratio, DType::float32, "ratio");
  return found;
}

std::string Promise::fault(const Result& result) const {
  if (!result.status.ok()) return "the status is " + std::to_string(int(result.status.code));
  int64_t counted = 0;
  for (int64_t b = 0; b < batch_.queries; b++) {
    counted += sums_[size_t(b)].counted;
    const std::string found = fault_of_query(result, b);
    if (!found.empty()) return found;
  }
  if (result.summary.counted != counted) return "counted is " + std::to_string(result.summary.counted);
  const double tolerance = loss_.tolerance + 0x1p-22 * std::fabs(loss_.value);
  if (!agree(result.summary.loss, loss_.value, tolerance, overflows_))
    return say("the batch's loss", -1, -1, result.summary.loss, loss_.value, tolerance);
  return "";
}

}  // namespace test
}  // namespace ckl
