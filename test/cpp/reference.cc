#include "reference.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "reference_pairs.h"

namespace ckl {
namespace test {

namespace {

constexpr double kEpsilon = 0x1p-23, kTiny = 0x1p-120, kLeast = 0x1p-125, kInfinity = INFINITY;

// A document's share of the loss, its derivatives h = q dL/dq and u = p dL/dp, and the sizes of what is summed.
struct Share {
  double value = 0, h = 0, u = 0, weight = 0;
  double value_size = 0, h_size = 0, u_size = 0;
  double floor = 0;  // what is lost where probabilities below e^-87 and denormal products count as 0
};

struct Doc {
  double q, ln_q, rest, p, ln_p, beta, share;
  double steepness;  // the exponent of ckl's weight
  bool positive;
};

// w p d, where d = ln(p / q) and `bend` is dw / dln q.
void add_divergence(Share& s, const Doc& x, double weight, double bend, bool diverges) {
  s.weight += weight;
  if (x.ln_p == -kInfinity) return;
  if (x.ln_q == -kInfinity) {
    // The loss is infinite; the gradients are those of a finite place: as if d were 0.
    if (!diverges) return;
    s.value = s.value_size = kInfinity;
    s.h -= x.p, s.h_size += x.p, s.u += x.p, s.u_size += x.p;
    return;
  }
  const double d = x.ln_p - x.ln_q, span = std::fabs(x.ln_p) + std::fabs(x.ln_q);
  s.value += weight * x.p * d, s.value_size += weight * x.p * span;
  s.h += x.p * (bend * d - weight), s.h_size += x.p * (std::fabs(bend * d) + weight);
  s.u += weight * x.p * (d + 1), s.u_size += weight * x.p * (span + 1);
  s.floor += kLeast * (1 + x.steepness) * (span + 1);
}

void add_likelihood(Share& s, const Doc& x, double factor) {
  if (!x.positive) return;
  factor *= x.share;
  if (factor != 0) s.value -= factor * x.ln_q, s.value_size += factor * std::fabs(x.ln_q);
  s.h -= factor, s.h_size += factor;
}

Share share_of(const PlanTerm& t, const Doc& x) {
  Share s;
  switch (t.loss) {
    case LossId::kl: add_divergence(s, x, 1, 0, true); return s;
    case LossId::ckl: {
      const double e = t.gamma - x.beta;
      const double bends = t.detach_weights ? 0 : 1;
      if (x.positive)
        add_divergence(s, x, std::pow(x.rest, t.gamma), bends * -t.gamma * x.q * std::pow(x.rest, t.gamma - 1), true);
      else add_divergence(s, x, std::exp(e * x.ln_q), bends * e * std::exp(e * x.ln_q), false);
      return s;
    }
    case LossId::bkl: {
      add_divergence(s, x, 1, 0, true);
      const double part = t.lambda * (x.positive ? 1 : t.negative_weight) * x.q;
      if (part == 0) return s;
      const double size = x.positive ? std::fabs(x.ln_q) : 1;
      s.value += part * (x.positive ? x.ln_q : 1), s.value_size += part * size;
      s.h += part * (x.positive ? x.ln_q + 1 : 1), s.h_size += part * (x.positive ? size + 1 : 1);
      s.floor += kLeast * t.lambda * (x.positive ? 1 : t.negative_weight) * (size + 1);
      return s;
    }
    case LossId::nll: add_likelihood(s, x, 1); return s;
    case LossId::klLogL:
      add_divergence(s, x, 1, 0, true);
      add_likelihood(s, x, t.nll_weight);
      return s;
    case LossId::reverseKl: {
      s.u = -x.q, s.u_size = x.q;
      if (x.ln_q == -kInfinity) return s;
      if (x.ln_p == -kInfinity) {
        s.value = s.value_size = kInfinity, s.h = s.h_size = x.q;
        return s;
      }
      const double size = x.q * (std::fabs(x.ln_q) + std::fabs(x.ln_p));
      if (x.ln_q - x.ln_p > 0x1p100 && x.q > 0) s.floor = 1e300;  // taken for 2^100
      s.value = s.h = x.q * (x.ln_q - x.ln_p), s.value_size = s.h_size = size;
      s.floor = std::max(s.floor, kLeast * (std::fabs(x.ln_q) + std::fabs(x.ln_p) + 1));
      return s;
    }
    case LossId::jsd: {
      if (std::isnan(x.ln_p) || std::isnan(x.ln_q)) {  // no distribution
        s.value = s.h = s.u = s.value_size = s.h_size = s.u_size = NAN;
        return s;
      }
      const double share = t.mixture, ln_m = std::log(share * x.p + (1 - share) * x.q);
      if (x.p > 0) s.u = share * x.p * (x.ln_p - ln_m), s.u_size = share * x.p * (std::fabs(x.ln_p - ln_m) + 1);
      if (x.q > 0)
        s.h = (1 - share) * x.q * (x.ln_q - ln_m), s.h_size = (1 - share) * x.q * (std::fabs(x.ln_q - ln_m) + 1);
      s.value = s.u + s.h, s.value_size = s.u_size + s.h_size;
      s.floor = 2 * kLeast * (std::fabs(std::log(share)) + std::fabs(std::log(1 - share)) + 105);
      return s;
    }
    default: break;
  }
  std::abort();  // a new loss needs its definition here
}

double sum(const Numbers& x) {
  double s = 0;
  for (double v : x) s += v;
  return s;
}

double range_of(const Numbers& scores) {
  double low = kInfinity, high = -kInfinity;
  for (double s : scores)
    if (s != -kInfinity) low = std::min(low, s), high = std::max(high, s);
  return high - low;
}

// dL/ds_k = h_k - q_k sum h, as (1 - q_k) h_k - q_k (sum of the others), and the error it may have.
std::vector<Bounded> project(const Numbers& h, const Numbers& sizes, const Numbers& floors, const Softmax& side,
                             double bound) {
  const Numbers others = sums_of_others(h), other_sizes = sums_of_others(sizes);
  const double floor = sum(floors), least = kTiny + kLeast * sum(sizes);
  std::vector<Bounded> out(h.size());
  for (size_t k = 0; k < h.size(); k++) {
    out[k].value = side.rest[k] * h[k] - side.p[k] * others[k];
    out[k].tolerance = 2 * bound * kEpsilon * (side.rest[k] * sizes[k] + side.p[k] * other_sizes[k]) + floors[k] +
                       side.p[k] * floor + least;
  }
  return out;
}

Expected distribution(const Query& x, const PlanTerm& term) {
  const size_t n = x.size();
  const Softmax student(x.student), teacher(x.teacher);
  double positives = 0, mean = 0;
  for (size_t i = 0; i < n; i++)
    if (x.labels[i] == 1) positives++, mean += 1 / x.ranks[i];
  mean /= positives;
  Expected out;
  Numbers h(n), u(n), h_size(n), u_size(n), floors(n);
  double steepest = 1, value_size = 0, value_floor = kTiny;
  for (size_t i = 0; i < n; i++) {
    Doc d;
    d.q = student.p[i], d.ln_q = student.ln[i], d.rest = student.rest[i];
    d.p = teacher.p[i], d.ln_p = teacher.ln[i];
    d.positive = x.labels[i] == 1, d.share = 1 / positives;
    d.beta = x.beta.empty() ? term.alpha * (1 / x.ranks[i] - mean) : x.beta[i];
    d.steepness = term.loss != LossId::ckl ? 1 : d.positive ? term.gamma : term.gamma - d.beta;
    steepest = std::max(steepest, d.steepness);
    const Share s = share_of(term, d);
    out.loss.value += s.value, value_size += s.value_size, value_floor += s.floor;
    floors[i] = s.floor;
    h[i] = s.h, u[i] = s.u, h_size[i] = s.h_size, u_size[i] = s.u_size;
    out.weight.push_back({s.weight, s.weight});
    out.ratio.push_back({d.q > 0 && d.p > 0 ? -s.h / d.p : NAN, s.h_size / d.p});
  }
  const double widest = std::max(range_of(x.student), range_of(x.teacher)), range = std::min(104.0, widest);
  out.overflows = widest > 3.4e38;
  const double bound = 4 + (1 + steepest) * ((range + std::log(double(std::max<size_t>(2, n)))) / 2 + 4);
  out.loss.tolerance = 2 * bound * kEpsilon * value_size + value_floor;
  for (size_t i = 0; i < n; i++)
    for (Bounded* b : {&out.weight[i], &out.ratio[i]}) b->tolerance = 2 * bound * kEpsilon * b->tolerance + floors[i];
  out.grad = project(h, h_size, floors, student, bound);
  out.teacher_grad = project(u, u_size, floors, teacher, bound);
  return out;
}

bool counts(const PlanTerm& term, const Query& x) {
  const Needs needs = kLosses[int(term.loss)].needs;
  const auto differ = [](const Numbers& levels) {
    return !levels.empty() && std::count(levels.begin(), levels.end(), levels[0]) < int64_t(levels.size());
  };
  const bool positive = std::count(x.labels.begin(), x.labels.end(), 1) > 0;
  const bool negative = std::count(x.labels.begin(), x.labels.end(), 0) > 0;
  switch (needs) {
    case Needs::document: return positive || negative;
    case Needs::positive: return positive;
    case Needs::positive_and_negative: return positive && negative;
    case Needs::ordered_pair: return differ(x.relevance);
    case Needs::preferred_pair: return differ(x.levels);
    case Needs::gainful_pair: return differ(x.levels) && ideal_dcg(x.levels, term.k) > 0;
  }
  return false;
}

}  // namespace

Numbers sums_of_others(const Numbers& x) {
  Numbers out(x.size());
  double before = 0, after = 0;
  for (size_t k = 0; k < x.size(); k++) out[k] = before, before += x[k];
  for (size_t k = x.size(); k-- > 0;) out[k] += after, after += x[k];
  return out;
}

Softmax::Softmax(const Numbers& scores) : p(scores), ln(scores), rest(scores) {
  if (scores.empty()) return;
  const size_t top = size_t(std::max_element(scores.begin(), scores.end()) - scores.begin());
  for (double& v : p) v = std::exp(v - scores[top]);
  p[top] = 0;
  const double others = sum(p);
  p[top] = 1;
  for (size_t i = 0; i < p.size(); i++) ln[i] = scores[i] - scores[top] - std::log1p(others), p[i] /= 1 + others;
  for (size_t i = 0; i < p.size(); i++) rest[i] = i == top ? others / (1 + others) : 1 - p[i];
}

Numbers competition_ranks(const Numbers& scores, const std::vector<uint8_t>& labels) {
  Numbers sorted, ranks(scores.size());
  for (size_t i = 0; i < scores.size(); i++)
    if (labels[i] != 255) sorted.push_back(-scores[i]);
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < scores.size(); i++)
    if (labels[i] != 255)
      ranks[i] = double(1 + (std::lower_bound(sorted.begin(), sorted.end(), -scores[i]) - sorted.begin()));
  return ranks;
}

Expected expect(const Query& query, const PlanTerm& term, double student_temperature, double teacher_temperature) {
  // A masked document takes part in nothing: leave it out, and put zeros back in its place.
  Query x;
  std::vector<size_t> keep;
  // Sorting takes most of the time of long rows, so it is left out where the loss reads no ranks.
  const bool reads_ranks = term.loss == LossId::lambdaMrr || (term.loss == LossId::ckl && term.alpha != 0);
  const Numbers ranks = !query.ranks.empty() ? query.ranks
                        : reads_ranks        ? competition_ranks(query.student, query.labels)
                                             : Numbers(query.size(), 1);
  for (size_t i = 0; i < query.size(); i++) {
    if (query.labels[i] == 255) continue;
    keep.push_back(i);
    x.labels.push_back(query.labels[i]);
    x.student.push_back(query.student[i] / student_temperature);
    x.teacher.push_back(query.teacher[i] / teacher_temperature);
    x.ranks.push_back(ranks[i]);
    x.levels.push_back(query.relevance.empty() ? x.teacher.back() : query.relevance[i]);
    x.relevance.push_back(query.relevance.empty() ? double(query.labels[i] == 1) : query.relevance[i]);
    if (!query.beta.empty()) x.beta.push_back(query.beta[i]);
  }
  const LossInfo& info = kLosses[int(term.loss)];
  Expected out;
  out.grad.resize(query.size()), out.teacher_grad.resize(query.size());
  out.weight.resize(query.size()), out.ratio.resize(query.size());
  out.counted = counts(term, x);
  if (!out.counted) return out;
  const Expected row = info.family == Family::distribution ? distribution(x, term) : pairwise(x, term);
  out.loss = row.loss, out.pairs = row.pairs, out.overflows = row.overflows;
  for (size_t k = 0; k < keep.size(); k++) {
    const size_t i = keep[k];
    out.grad[i] = {row.grad[k].value / student_temperature, row.grad[k].tolerance / student_temperature};
    out.teacher_grad[i] = {row.teacher_grad[k].value / teacher_temperature,
                           row.teacher_grad[k].tolerance / teacher_temperature};
    out.weight[i] = row.weight[k], out.ratio[i] = row.ratio[k];
  }
  return out;
}

}  // namespace test
}  // namespace ckl
