// Every loss of losses.def gives its own derivatives, checked with dual numbers and with differences of a plain softmax.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../../src/core/plan.h"
#include "dual.h"
#include "random.h"

namespace ckl {
namespace {

using test::Random;
typedef long double Real;

bool close(Real actual, Real expected, Real size, Real relative = 1e-13L) {
  return std::fabs(actual - expected) <= relative * (std::fabs(expected) + size);
}

// Parameters that between them reach every variant of every loss.
std::vector<Parameters> settings() {
  std::vector<Parameters> all;
  PlanTerm term;
  term.lambda = 0.3, term.nll_weight = 0.5;
  for (double gamma : {1.0, 2.0, 3.0, 5.0, 2.5, 64.0, 80.0})
    for (bool biased : {false, true})
      for (double detached : {0.0, 1.0})
        term.gamma = gamma, term.detach_weights = detached, all.push_back(term.parameters(biased));
  all.push_back(PlanTerm().parameters(false));
  return all;
}

// A document whose q (or p) moves with the parameter of the dual numbers: d = x d/dx. Frozen: only ln(p / q) moves, so that
// what a loss makes of q itself is a constant.
Document<Dual, bool> document(Real q, Real p, bool positive, Real beta, Real share, bool move_q, bool frozen = false) {
  const Real dq = move_q ? q : 0, dp = move_q ? 0 : p;
  Document<Dual, bool> x;
  x.q = x.mass = {q, dq}, x.unit = {1, 0}, x.rest = {1 - q, -dq}, x.minus_ln_q = {-std::log(q), move_q ? -1.0L : 0};
  x.p = {p, dp}, x.d = {std::log(p / q), move_q ? -1.0L : 1.0L};
  x.beta = {beta, 0}, x.share = {share, 0};
  x.positive = positive;
  for (Dual* v : {&x.q, &x.mass, &x.rest, &x.minus_ln_q})
    if (frozen) v->d = 0;
  return x;
}

// Whether the weights of a loss are constants for its gradient.
template <class F>
bool is_detached(const F&) {
  return false;
}
template <int Gamma, bool Biased>
bool is_detached(const CklVariant<Gamma, Biased>& loss) {
  return loss.detached;
}

template <class F>
void check_document(const F& loss, bool biased, const char* name) {
  const Real probabilities[] = {1e-30L, 1e-9L, 0.001L, 0.2L, 0.5L, 0.9L, 0.999999L};
  for (Real q : probabilities)
    for (Real p : probabilities)
      for (bool positive : {false, true}) {
        const Real beta = biased && !positive ? -0.4L : 0;
        const Term<Dual> by_q = loss(document(q, p, positive, beta, 0.25L, true, is_detached(loss)));
        const Term<Dual> by_p = loss(document(q, p, positive, beta, 0.25L, false));
        const Real size = std::fabs(by_q.value.v) + p;
        const std::string where = std::string(name) + " at q = " + std::to_string(double(q)) +
                                  ", p = " + std::to_string(double(p)) + (positive ? ", positive" : ", negative");
        CHECK_MESSAGE(close(by_q.h.v + F::h_less_q * q, by_q.value.d, size), where);
        CHECK_MESSAGE(close(by_p.u.v, by_p.value.d, size), where);
      }
}

struct Row {
  std::vector<Real> s, t;
  std::vector<bool> positive;
  std::vector<Real> beta;
};

Row random_row(Random& random, int n) {
  Row row;
  for (int i = 0; i < n; i++) {
    row.s.push_back(random.normal()), row.t.push_back(random.normal());
    row.positive.push_back(i == 0 || random.below(3) == 0);
    row.beta.push_back(random.uniform(-1, 0));
  }
  return row;
}

std::vector<Real> softmax(const std::vector<Real>& scores) {
  Real sum = 0;
  std::vector<Real> out;
  for (Real s : scores) out.push_back(std::exp(s)), sum += out.back();
  for (Real& v : out) v /= sum;
  return out;
}

// The terms of a row without any derivative. The weights of a detached loss are those of `still`.
template <class F>
std::vector<Term<Dual>> terms_of(const F& loss, const Row& row, bool biased, const Row& still) {
  const std::vector<Real> q = softmax(is_detached(loss) ? still.s : row.s), p = softmax(row.t), at = softmax(row.s);
  Real positives = 0;
  for (bool y : row.positive) positives += y;
  std::vector<Term<Dual>> out;
  for (size_t i = 0; i < q.size(); i++) {
    Document<Dual, bool> x =
        document(q[i], p[i], row.positive[i], biased && !row.positive[i] ? row.beta[i] : 0, 1 / positives, true);
    x.d.v = std::log(p[i] / at[i]);
    for (Dual* v : {&x.q, &x.rest, &x.minus_ln_q, &x.d, &x.mass}) v->d = 0;
    out.push_back(loss(x));
  }
  return out;
}

template <class F>
Real loss_of(const F& loss, const Row& row, bool biased, const Row& still) {
  Real sum = 0;
  for (const Term<Dual>& t : terms_of(loss, row, biased, still)) sum += t.value.v;
  return sum;
}

template <class F>
void check_row(const F& loss, bool biased, Random& random, const char* name) {
  Row row = random_row(random, 2 + int(random.below(7)));
  const Row still = row;
  const std::vector<Real> q = softmax(row.s), p = softmax(row.t);
  const std::vector<Term<Dual>> terms = terms_of(loss, row, biased, still);
  Real h = 0, u = 0;
  for (const Term<Dual>& t : terms) h += t.h.v, u += t.u.v;
  const Real step = 1e-6L;
  for (size_t k = 0; k < q.size(); k++)
    for (std::vector<Real>* side : {&row.s, &row.t}) {
      Real& score = (*side)[k];
      const Real at = score;
      score = at + step;
      const Real above = loss_of(loss, row, biased, still);
      score = at - step;
      const Real below = loss_of(loss, row, biased, still);
      score = at;
      const bool student = side == &row.s;
      const Real gradient = student ? terms[k].h.v - q[k] * h : terms[k].u.v - p[k] * u;
      CHECK_MESSAGE(close(gradient, (above - below) / (2 * step), 1, 1e-9L), std::string(name));
    }
}

// An engine may scale (p, share, mass): the results then carry the same factor.
template <class F>
void check_scale(const F& loss, const char* name) {
  for (bool positive : {false, true}) {
    Document<Dual, bool> x = document(0.3L, 0.1L, positive, 0, 0.5L, true);
    const Term<Dual> plain = loss(x);
    for (Dual* v : {&x.p, &x.share, &x.mass}) v->v *= 64;
    x.unit.v /= 64;
    const Term<Dual> scaled = loss(x);
    CHECK_MESSAGE(close(scaled.value.v, 64 * plain.value.v, 0), std::string(name));
    CHECK_MESSAGE(close(scaled.h.v, 64 * plain.h.v, 0), std::string(name));
    CHECK_MESSAGE(close(scaled.u.v, 64 * plain.u.v, 0), std::string(name));
  }
}

// What losses.md says of p = 0 and of q = 0, as the row engine presents them.
template <class F>
void check_limits(const F& loss, bool reads_teacher, const char* name) {
  for (bool positive : {false, true}) {
    Document<Dual, bool> x = document(0.25L, 0.5L, positive, 0, 0.5L, true);
    x.p = {0, 0}, x.d = Dual(F::d_without_teacher);
    const Term<Dual> without_teacher = loss(x);
    CHECK_MESSAGE(std::isfinite(double(without_teacher.value.v)), std::string(name));
    if (F::d_without_teacher == 0) {
      CHECK_MESSAGE(without_teacher.u.v == 0, std::string(name));
      // Nothing of the teacher is left: doubling q's distance to it changes nothing.
      x.d = {1, 0};
      CHECK_MESSAGE(loss(x).h.v == without_teacher.h.v, std::string(name));
    }

    x = document(0.25L, 0.5L, positive, 0, 0.5L, true);
    x.d = Dual(F::d_without_student);
    x.q = x.mass = {0, 0}, x.rest = {1, 0}, x.minus_ln_q = {104, 0};
    const Term<Dual> without_student = loss(x);
    CHECK_MESSAGE(std::isfinite(double(without_student.h.v)), std::string(name));
    if (reads_teacher && loss.diverges(false, true) && !positive) CHECK(without_student.h.v == -0.5L);
    CHECK_MESSAGE(!loss.diverges(false, false), std::string(name));
  }
}

template <class Loss>
void check_distribution(const char* name, bool reads_teacher) {
  Random random(11);
  for (const Parameters& p : settings())
    with_variant(Loss(), p, [&](auto variant) {
      typedef decltype(variant) F;
      const F loss = F::make(p);
      check_document(loss, F::biased, name);
      for (int round = 0; round < 8; round++) check_row(loss, F::biased, random, name);
      check_limits(loss, reads_teacher, name);
      check_scale(loss, name);
    });
}

// marginMse: value and slope made of moments against the mean over all pairs, in long double.
void check_pairwise(const MarginMse& loss, const char* name) {
  Random random(12);
  for (int round = 0; round < 100; round++) {
    Row row = random_row(random, 2 + int(random.below(20)));
    row.positive[1] = false;
    const size_t n = row.s.size();
    Real count[2] = {0, 0}, mean[2] = {0, 0}, variance[2] = {0, 0};
    for (size_t i = 0; i < n; i++) count[row.positive[i]]++, mean[row.positive[i]] += row.s[i] - row.t[i];
    for (int side : {0, 1}) mean[side] /= count[side];
    for (size_t i = 0; i < n; i++) {
      const Real off = row.s[i] - row.t[i] - mean[row.positive[i]];
      variance[row.positive[i]] += off * off / count[row.positive[i]];
    }
    Real value = 0;
    std::vector<Real> slopes(n);
    for (size_t j = 0; j < n; j++)
      for (size_t i = 0; i < n; i++) {
        if (!row.positive[j] || row.positive[i]) continue;
        const Real gap = (row.s[j] - row.s[i]) - (row.t[j] - row.t[i]), pairs = count[0] * count[1];
        value += gap * gap / pairs, slopes[j] += 2 * gap / pairs, slopes[i] -= 2 * gap / pairs;
      }
    const auto number = [](Real v) { return Dual(v, 0.0L); };
    const Dual made = loss.value(number(variance[1]), number(variance[0]), number(mean[1]), number(mean[0]));
    CHECK_MESSAGE(close(made.v, value, 1), std::string(name));
    for (size_t i = 0; i < n; i++) {
      const bool y = row.positive[i];
      const Dual slope = loss.slope(number(row.s[i] - row.t[i]), number(mean[!y]), number(1 / count[y]));
      CHECK_MESSAGE(close(slope.v, slopes[i], 1), std::string(name));
    }
  }
}

constexpr Real kMargins[] = {-300, -20, -1, -1e-9L, 0, 1e-9L, 0.5L, 20, 300};

// The slope is minus the derivative of the value, which is the softplus of its definition, times a weight.
void check_pair(const Pair<Dual>& pair, Real margin, Real weight, const char* name) {
  CHECK_MESSAGE(close(pair.value.v, weight * std::log1p(std::exp(-margin)), 0, 1e-12L), std::string(name));
  CHECK_MESSAGE(close(pair.slope.v, -pair.value.d, 0, 1e-12L), std::string(name));
  CHECK(pair.slope.v >= 0);
}

void check_pairwise(const LambdaMrr& loss, const char* name) {
  for (Real margin : kMargins) check_pair(loss(Dual(margin, 1.0L), Dual(0.75L, 0.0L)), margin, 0.75L, name);
}
void check_pairwise(const RankNet& loss, const char* name) {
  for (Real margin : kMargins) check_pair(loss(Dual(margin, 1.0L)), margin, 1, name);
}
void check_pairwise(LambdaNdcg loss, const char* name) {
  for (float mu : {0.0f, 10.0f})
    for (Real gap : {0.0L, 0.4L}) {
      loss.mu = mu;
      const auto of = [&](Real margin) {
        return loss(Dual(margin, 1.0L), Dual(0.5L, 0.0L), Dual(0.25L, 0.0L), Dual(gap, 0.0L));
      };
      for (Real margin : kMargins) check_pair(of(margin), margin, (mu * 0.5L + 0.25L) * gap, name);
    }
}

// adrMse: sigmoids that add up to 1, and the derivative of one of them in the pull.
void check_pairwise(AdrMse loss, const char* name) {
  for (float steepness : {1.0f, 3.0f})
    for (Real x : kMargins) {
      loss.steepness = steepness;
      const Step<Dual> step = loss.step(Dual(x, 1.0L));
      CHECK_MESSAGE(close(step.up.v, 1 / (1 + std::exp(-steepness * x)), 0, 1e-12L), std::string(name));
      CHECK_MESSAGE(close(step.up.v + step.down.v, 1, 0), std::string(name));
      const Dual pull = loss.pull(Dual(x, 0.0L), Dual(0.75L, 0.0L), Dual(0.25L, 0.0L));
      CHECK_MESSAGE(close(pull.v, 0.5L * step.up.d, 0, 1e-12L), std::string(name));
    }
}

// listMle: by its sums from both ends, against the definition and its differences.
void check_pairwise(const ListMle& loss, const char* name) {
  Random random(13);
  for (int round = 0; round < 50; round++) {
    const Row row = random_row(random, 1 + int(random.below(12)));  // in the order of relevance
    const size_t n = row.s.size();
    const auto definition = [&](const std::vector<Real>& s) {
      Real value = 0;
      for (size_t k = 0; k < n; k++) {
        Real sum = 0;
        for (size_t j = k; j < n; j++) sum += std::exp(s[j]);
        value += std::log(sum) - s[k];
      }
      return value;
    };
    std::vector<Real> most(n), z(n);
    Real value = 0, w = 0;
    for (size_t k = n; k-- > 0;) {
      const bool last = k + 1 == n;
      most[k] = last ? row.s[k] : std::max(row.s[k], most[k + 1]);
      z[k] = std::exp(row.s[k] - most[k]) + (last ? 0 : std::exp(most[k + 1] - most[k]) * z[k + 1]);
      value += loss.value(Dual(z[k], 0.0L), Dual(most[k] - row.s[k], 0.0L)).v;
    }
    CHECK_MESSAGE(close(value, definition(row.s), 1), std::string(name));
    for (size_t k = 0; k < n; k++) {
      w = (k == 0 ? 0 : std::exp(most[k] - most[k - 1]) * w) + 1 / z[k];
      const Real slope = loss.slope(Dual(std::exp(row.s[k] - most[k]), 0.0L), Dual(w, 0.0L)).v, step = 1e-6L;
      std::vector<Real> above = row.s, below = row.s;
      above[k] += step, below[k] -= step;
      CHECK_MESSAGE(close(slope, (definition(above) - definition(below)) / (2 * step), 1, 1e-9L), std::string(name));
    }
  }
}

TEST_CASE("losses: gains and discounts to the last digits of a double") {
  for (double x : {0.0, -1e-9, -0.25, -0.5, -0.75, -1.0, -3.3, -100.7, -1000.25})
    CHECK(std::fabs(exp2_exact(x) - std::exp2(x)) <= 4e-16 * std::exp2(x));
  CHECK(exp2_exact(-2000) == 0);
  CHECK(exp2_exact(-INFINITY) == 0);
  CHECK(std::isnan(exp2_exact(NAN)));
  for (double place : {1.0, 1.5, 2.0, 3.0, 7.0, 10.0, 1000.5, 1048575.0})
    CHECK(std::fabs(discount(place) * std::log2(1 + place) - 1) <= 1e-15);
  CHECK(discount(1) == 1);
}

#define CHECK_distribution(type, name, teacher) check_distribution<type>(name, teacher)
#define CHECK_pairwise(type, name, teacher) check_pairwise(type(), name)
#define LOSS(name, type, family, options, teacher)                                \
  TEST_CASE("losses: " #name " gives its own derivatives and keeps its limits") { \
    CHECK_##family(type, #name, teacher);                                         \
  }
#include "../../src/losses/losses.def"
#undef LOSS

TEST_CASE("losses: the powers of ckl agree with exp and ln") {
  for (float b : {0.0f, 1e-4f, 0.3f, 0.999f, 1.0f}) {
    CHECK(power<0>(double(b)) == 1);
    CHECK(power<1>(double(b)) == double(b));
    for (int n : {0, 1, 2, 3, 7, 63}) CHECK(close(power(double(b), n), std::pow(Real(b), n), 0, 1e-13L));
    CHECK(close(power<4>(double(b)), std::pow(Real(b), 4), 0));
    CHECK(close(power<7>(double(b)), std::pow(Real(b), 7), 0));
  }
}

}  // namespace
}  // namespace ckl
