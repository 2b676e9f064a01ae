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
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <= tolerance;
}

// One query of a weighted sum of losses: expectations added up with their weights.
struct Sum {
  Bounded loss;
  std::vector<Bounded> grad, teacher_grad, weight, ratio;
  bool counted = false, overflows = false;
};

void add(std::vector<Bounded>& to, const std::vector<Bounded>& from, double factor) {
  to.resize(from.size());
  for (size_t i = 0; i < from.size(); i++) {
    to[i].value += factor * from[i].value;
    to[i].tolerance += std::fabs(factor) * (from[i].tolerance + 4 * 0x1p-23 * std::fabs(from[i].value));
  }
}

}  // namespace

std::string fault(const OwnedBatch& batch, const Plan& plan, const Options& options, const Result& result) {
  if (!result.status.ok()) return "the status is " + std::to_string(int(result.status.code));
  const size_t queries = size_t(batch.queries);
  std::vector<Sum> sums(queries);
  Bounded loss;
  bool overflows = false;
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
      sums[b].counted = true, sums[b].overflows |= e.overflows, overflows |= e.overflows;
    }
    if (plan.reduction != Reduction::mean) normaliser = 1;
    for (size_t b = 0; b < queries; b++) {
      const Expected& e = expected[b];
      Sum& sum = sums[b];
      const double share = normaliser > 0 ? term.weight * multiplicity[b] / normaliser : 0;
      sum.grad.resize(e.grad.size()), sum.teacher_grad.resize(e.grad.size());
      if (!e.counted) continue;
      sum.loss.value += term.weight * e.loss.value, sum.loss.tolerance += std::fabs(term.weight) * e.loss.tolerance;
      if (share != 0) loss.value += share * e.loss.value, loss.tolerance += std::fabs(share) * e.loss.tolerance;
      add(sum.grad, e.grad, share * plan.grad_scale);
      add(sum.teacher_grad, e.teacher_grad, share * plan.grad_scale);
      add(sum.weight, e.weight, term.weight), add(sum.ratio, e.ratio, term.weight);
    }
  }

  int64_t counted = 0;
  for (int64_t b = 0; b < batch.queries; b++) {
    const Sum& sum = sums[size_t(b)];
    const Query query = batch.query(b);
    const int64_t begin = batch.rows().begin(b);
    counted += sum.counted;
    const double per_query = result.per_query[size_t(b)], tolerance = sum.loss.tolerance + 0x1p-22 * std::fabs(sum.loss.value);
    if (!agree(per_query, sum.loss.value, tolerance, sum.overflows))
      return say("the loss", b, -1, per_query, sum.loss.value, tolerance);
    const auto look = [&](const Floats& actual, const std::vector<Bounded>& expected, double relative, double least,
                          const char* what) -> std::string {
      for (size_t i = 0; !actual.empty() && i < query.size(); i++) {
        const double a = actual[size_t(begin) + i];
        const Bounded e = i < expected.size() ? expected[i] : Bounded();
        if (std::isnan(e.value) && &expected == &sum.ratio) continue;  // no ratio where p or q is 0
        const double tolerance = query.labels[i] == 255 ? 0 : e.tolerance + relative * std::fabs(e.value) + least;
        if (!agree(a, e.value, tolerance)) return say(what, b, int64_t(i), a, e.value, tolerance);
      }
      return "";
    };
    const double relative = rounding(batch.type), least = floor_of(batch.type);
    std::string found = look(result.grad, sum.grad, relative, least, "grad");
    if (found.empty()) found = look(result.teacher_grad, sum.teacher_grad, relative, least, "teacherGrad");
    if (found.empty() && options.diagnostics) found = look(result.weight, sum.weight, 0x1p-23, 0x1p-126, "weight");
    if (found.empty() && options.diagnostics) found = look(result.ratio, sum.ratio, 0x1p-23, 0x1p-126, "ratio");
    if (!found.empty()) return found;
  }
  if (result.summary.counted != counted) return "counted is " + std::to_string(result.summary.counted);
  const double tolerance = loss.tolerance + 0x1p-22 * std::fabs(loss.value);
  if (!agree(result.summary.loss, loss.value, tolerance, overflows))
    return say("the batch's loss", -1, -1, result.summary.loss, loss.value, tolerance);
  return "";
}

}  // namespace test
}  // namespace ckl
