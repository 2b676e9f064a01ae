#include "reference_pairs.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>

namespace ckl {
namespace test {

namespace {

constexpr double kEpsilon = 0x1p-23;

Expected margin_mse(const Query& x) {
  Expected out;
  const size_t n = x.size();
  out.grad.resize(n), out.weight.resize(n), out.ratio.resize(n);
  double pairs = 0, positives = 0;
  for (uint8_t y : x.labels) positives += y == 1;
  pairs = positives * (double(n) - positives);
  const auto size = [&](size_t i) { return std::fabs(x.student[i]) + std::fabs(x.teacher[i]); };
  for (size_t j = 0; j < n; j++)
    for (size_t i = 0; x.labels[j] == 1 && i < n; i++) {
      if (x.labels[i] == 1) continue;
      const double margin = (x.student[j] - x.student[i]) - (x.teacher[j] - x.teacher[i]);
      out.loss.value += margin * margin / pairs;
      out.grad[j].value += 2 * margin / pairs, out.grad[i].value -= 2 * margin / pairs;
      const double tolerance = 64 * kEpsilon * (size(i) + size(j)) / pairs;
      out.grad[j].tolerance += tolerance, out.grad[i].tolerance += tolerance;
    }
  for (size_t i = 0; i < n; i++) out.loss.tolerance += 256 * kEpsilon * size(i) * size(i);
  out.teacher_grad = out.grad;
  for (Bounded& g : out.teacher_grad) g.value = -g.value;
  return out;
}

double softplus(double x) { return std::log1p(std::exp(-std::fabs(x))) + std::max(x, 0.0); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double place_discount(double rank) { return 1 / std::log2(1 + rank); }

Expected of_size(size_t n) {
  Expected out;
  out.grad.resize(n), out.teacher_grad.resize(n), out.weight.resize(n), out.ratio.resize(n);
  return out;
}

// The mean over pairs with levels[i] > levels[j] of weight(i, j) softplus(s_j - s_i).
template <class Weight>
Expected over_pairs(const Query& x, const Numbers& levels, Weight weight) {
  const size_t n = x.size();
  Expected out = of_size(n);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      if (!(levels[i] > levels[j])) continue;
      out.pairs++;
      const double w = weight(i, j), margin = x.student[i] - x.student[j], slope = w * sigmoid(-margin);
      out.loss.value += w * softplus(-margin);
      out.grad[i].value -= slope, out.grad[j].value += slope;
      const double size = slope * (2 + std::fabs(margin)) + w * kEpsilon;
      out.grad[i].tolerance += size, out.grad[j].tolerance += size;
    }
  out.loss.value /= out.pairs;
  out.loss.tolerance = 64 * kEpsilon * (out.loss.value + kEpsilon);
  for (Bounded& g : out.grad) g.value /= out.pairs, g.tolerance *= 64 * kEpsilon / out.pairs;
  return out;
}

Expected lambda_ndcg(const Query& x, const PlanTerm& term) {
  const size_t n = x.size();
  const double ideal = ideal_dcg(x.levels, term.k), top = *std::max_element(x.levels.begin(), x.levels.end());
  Numbers rank(n, 1);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) rank[i] += x.student[j] > x.student[i] || (x.student[j] == x.student[i] && j < i);
  return over_pairs(x, x.levels, [&](size_t i, size_t j) {
    if (std::min(rank[i], rank[j]) > term.k) return 0.0;
    const double d = std::fabs(rank[i] - rank[j]), near = place_discount(d) - place_discount(d + 1);
    const double far = std::fabs(place_discount(rank[i]) - place_discount(rank[j]));
    return (term.mu * near + far) * std::fabs(std::exp2(x.levels[i] - top) - std::exp2(x.levels[j] - top)) / ideal;
  });
}

Expected list_mle(const Query& x) {
  const size_t n = x.size();
  Expected out = of_size(n);
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; i++) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x.levels[a] > x.levels[b]; });
  // The log of the sum of the tail, from its end; then each document's share of all tails that it is in.
  Numbers tail(n);
  for (size_t k = n; k-- > 0;) {
    const double s = x.student[order[k]];
    tail[k] = k + 1 == n ? s : std::max(s, tail[k + 1]) + std::log1p(std::exp(-std::fabs(s - tail[k + 1])));
    out.loss.value += tail[k] - s, out.loss.tolerance += 64 * kEpsilon * (std::fabs(tail[k] - s) + 1);
  }
  for (size_t i = 0; i < n; i++) {
    Bounded& g = out.grad[order[i]];
    g.value = -1, g.tolerance = 64 * kEpsilon;
    for (size_t k = 0; k <= i; k++) {
      const double ln_share = x.student[order[i]] - tail[k], share = std::exp(ln_share);
      g.value += share, g.tolerance += 64 * kEpsilon * share * (2 + std::fabs(ln_share));
    }
  }
  return out;
}

Expected adr_mse(const Query& x, double steepness) {
  const size_t n = x.size();
  Expected out = of_size(n);
  for (size_t i = 0; i < n; i++) {
    double rank = 0.5, approximate = 1;
    for (size_t j = 0; j < n; j++) {
      rank += x.levels[j] > x.levels[i] ? 1 : x.levels[j] == x.levels[i] ? 0.5 : 0;
      if (j != i) approximate += sigmoid(steepness * (x.student[j] - x.student[i]));
    }
    const double gap = rank - approximate, weight = place_discount(rank) / double(n);
    out.loss.value += gap * gap * weight;
    out.loss.tolerance +=
        64 * kEpsilon * weight * (std::fabs(gap) + kEpsilon * (rank + approximate)) * (rank + approximate);
    for (size_t j = 0; j < n; j++) {
      if (j == i) continue;
      const double a = steepness * (x.student[j] - x.student[i]),
                   slope = 2 * weight * steepness * sigmoid(a) * sigmoid(-a);
      out.grad[j].value -= gap * slope, out.grad[i].value += gap * slope;
      const double part = 64 * kEpsilon * slope * (std::fabs(gap) * (2 + std::fabs(a)) + rank + approximate);
      out.grad[i].tolerance += part, out.grad[j].tolerance += part;
    }
  }
  return out;
}

}  // namespace

double ideal_dcg(Numbers levels, double k) {
  std::sort(levels.begin(), levels.end(), std::greater<double>());
  double sum = 0;
  for (size_t r = 0; r < levels.size() && double(r) < k; r++)
    sum += (std::exp2(levels[r] - levels[0]) - std::exp2(-levels[0])) * place_discount(double(r + 1));
  return sum;
}

Expected pairwise(const Query& x, const PlanTerm& term) {
  switch (term.loss) {
    case LossId::marginMse: return margin_mse(x);
    case LossId::lambdaMrr:
      return over_pairs(x, x.relevance, [&](size_t i, size_t j) { return std::fabs(1 / x.ranks[i] - 1 / x.ranks[j]); });
    case LossId::rankNet: return over_pairs(x, x.levels, [](size_t, size_t) { return 1.0; });
    case LossId::lambdaNdcg: return lambda_ndcg(x, term);
    case LossId::listMle: return list_mle(x);
    case LossId::adrMse: return adr_mse(x, term.steepness);
    default: std::abort();  // a new loss needs its definition here
  }
}

}  // namespace test
}  // namespace ckl
