// The per-query quantities that the paper plots: weights and gradient ratios of documents (Figures 1 and 2), entropy of
// the positives and their separation from the negatives (Figure 3).
#pragma once
#include "passes.h"
#include "terms.h"

namespace ckl {
namespace {

// Adds a term's weight of p d and its ratio g = (dL/dq) / (dKL/dq) for every document, times `factor`.
//
// Every distribution loss is affine in p: h = h1 p + h0, so both come from the loss itself, evaluated at p = 0 and 1.
// g = -h / p; the part h0 / p is infinite if the teacher's probability is 0.
template <class F>
inline void weigh(const OneRow a, const TaskTerm& term, const RowScratch w, const RowSums& r, V factor, float* weight,
                  float* ratio) {
  const F loss = F::make(term.parameters);
  const V zero(0.0f), at_top(kLifted), gap = r.student.ln_z1 - r.teacher.ln_z1;
  const V share = at_top / r.positives;
  a.each_masked(
      [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
        const I label = a.label(i, slot);
        const M masked = bit_set(label, 0x80) | ~live, positive = bit_set(label, 1) & ~masked;
        const V e = load(w.es + slot);
        Document<V, M> x = document<F>(a, w, r, term, gap, share, e, e == at_top, positive, i, slot);
        const V p = x.p;
        x.d = distance<F>(x.d, ~(infinity() > x.d), x.d > -infinity());
        x.p = zero;
        const Term<V> none = loss(x);
        const V h0 = none.h;
        x.p = at_top;
        const V h1 = (loss(x).h - h0) * V(1 / kLifted);
        x.d = zero;
        const V g = select(h0 == zero, -h1, -h1 - h0 / p);
        store(weight + slot,
              load(weight + slot) + select(masked, zero, factor * ((loss(x).u - none.u) * V(1 / kLifted))));
        store(ratio + slot, load(ratio + slot) + select(masked, zero, factor * g));
      },
      [] {});
}

struct QueryDiagnostics {
  float entropy, separation, separation_top10;
};

// From slots to documents: the last block of a row overlaps the one before, so its live lanes are its last ones. A row
// shorter than a block has no block before.
inline void from_slots(const float* slots, int64_t n, float* out) {
  const int64_t whole = n < kLanes ? n : n / kLanes * kLanes, rest = n - whole;
  memcpy(out, slots, sizeof(float) * (size_t)whole);
  if (rest) memcpy(out + whole, slots + whole + (kLanes - rest), sizeof(float) * (size_t)rest);
}

constexpr int kBest = 10;
constexpr int64_t kShort = 512;

// The lowest score among the ten best; all documents tied with it count. Undefined if a score is NaN.
//
// For short rows: one scan per place.
inline float least_of_best_short(const OneRow a) {
  float threshold = __builtin_inff();
  for (;;) {
    const V at(threshold), zero(0.0f), one(1.0f);
    V highest = -infinity(), found = zero;
    M others = lanes_from(kLanes);
    a.each_masked(
        [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
          const M valid = live & ~bit_set(a.label(i, slot), 0x80);
          const V s = a.student(i, slot);
          const M below = valid & (at > s);
          highest = max(highest, select(below, s, -infinity()));
          found = masked_add(valid & ~(at > s), found, one), others = others | below;
        },
        [] {});
    if (sum_lanes(found)[0] >= kBest || !any(others)) return threshold;
    threshold = max_lanes(highest)[0];
  }
}
// For long rows: keeps the ten best so far, which few blocks change.
inline float least_of_best_long(const OneRow a, int64_t n) {
  float best[kBest];  // descending
  int found = 0;
  const auto offer = [&](int64_t i) {
    if (a.y[i] == kPadding || (found == kBest && !(a.s[i] > best[kBest - 1]))) return;
    int k = found < kBest ? found++ : kBest - 1;
    for (; k > 0 && best[k - 1] < a.s[i]; k--) best[k] = best[k - 1];
    best[k] = a.s[i];
  };
  int64_t i = 0;
  for (; i < n && found < kBest; i++) offer(i);
  for (; i + kLanes <= n; i += kLanes)
    if (any(load(a.s + i) > V(best[kBest - 1])))
      for (int j = 0; j < kLanes; j++) offer(i + j);
  for (; i < n; i++) offer(i);
  return found ? best[found - 1] : 0;
}

// q: the student's probabilities, one per document. Natural logarithm; NaN without a positive or without a negative.
inline QueryDiagnostics describe(const OneRow a, const float* q, int64_t n) {
  const float nan = __builtin_nanf("");
  const V threshold(n <= kBest    ? -__builtin_inff()
                    : n <= kShort ? least_of_best_short(a)
                                  : least_of_best_long(a, n)),
      none_lowest(2.0f), none_highest(-1.0f);
  V lowest[2] = {none_lowest, none_lowest}, highest[2] = {none_highest, none_highest};  // of all; of the ten best
  a.each_masked(
      [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
        const I label = a.label(i, slot);
        const M masked = bit_set(label, 0x80) | ~live, positive = bit_set(label, 1) & ~masked;
        const M best[2] = {lanes_from(0), ~(threshold > a.student(i, slot))};
        const V probability = load(q + i);
        CKL_UNROLL for (int k = 0; k < 2; k++) {
          lowest[k] = min(lowest[k], select(positive & best[k], probability, none_lowest));
          highest[k] = max(highest[k], select(~(positive | masked) & best[k], probability, none_highest));
        }
      },
      [] {});
  double entropy = 0;
  each_positive(a.y, n, [&](int64_t i) {
    if (q[i] > 0) entropy -= (double)q[i] * __builtin_log((double)q[i]);
  });
  const auto gap = [&](int k) {
    const float low = -max_lanes(-lowest[k])[0], high = max_lanes(highest[k])[0];
    return low <= 1 && high >= 0 ? low - high : nan;
  };
  return {(float)entropy, gap(0), gap(1)};
}

}  // namespace
}  // namespace ckl
