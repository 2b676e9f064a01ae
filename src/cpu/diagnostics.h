// What the paper plots of a query: weights and gradient ratios of documents (Figures 1 and 2), entropy of the positives
// and their separation from the negatives (Figure 3).
#pragma once
#include "passes.h"
#include "terms.h"

namespace ckl {
namespace {

// Adds a term's weight of p d and its ratio g = (dL/dq) / (dKL/dq) for every document, times `factor`.
//
// Every distribution loss is affine in p: h = h1 p + h0, so both come from the loss itself, evaluated at p = 0 and 1.
// g = -h / p; the part h0 / p is infinite where the teacher gives no probability.
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
// shorter than a block has none before.
inline void from_slots(const float* slots, int64_t n, float* out) {
  const int64_t whole = n < kLanes ? n : n / kLanes * kLanes, rest = n - whole;
  memcpy(out, slots, sizeof(float) * (size_t)whole);
  if (rest) memcpy(out + whole, slots + whole + (kLanes - rest), sizeof(float) * (size_t)rest);
}

// q: the student's probabilities, one per document. Natural logarithm; NaN without a positive or without a negative.
inline QueryDiagnostics describe(const OneRow a, const float* q, int64_t n) {
  enum { kTop = 10 };
  float top[kTop];  // the highest scores of valid documents, descending
  int tops = 0;
  for (int64_t i = 0; i < n; i++) {
    if (a.y[i] == kPadding || (tops == kTop && !(a.s[i] > top[kTop - 1]))) continue;
    int k = tops < kTop ? tops++ : kTop - 1;
    for (; k > 0 && top[k - 1] < a.s[i]; k--) top[k] = top[k - 1];
    top[k] = a.s[i];
  }
  const float nan = __builtin_nanf(""), threshold = tops ? top[tops - 1] : 0;
  double entropy = 0;
  float lowest[2] = {2, 2}, highest[2] = {-1, -1};  // over all documents, and within the top
  for (int64_t i = 0; i < n; i++) {
    if (a.y[i] == kPadding) continue;
    const bool in_top = a.s[i] >= threshold;
    if (a.y[i] == kPositive) {
      if (q[i] > 0) entropy -= (double)q[i] * __builtin_log((double)q[i]);
      if (q[i] < lowest[0]) lowest[0] = q[i];
      if (in_top && q[i] < lowest[1]) lowest[1] = q[i];
    } else {
      if (q[i] > highest[0]) highest[0] = q[i];
      if (in_top && q[i] > highest[1]) highest[1] = q[i];
    }
  }
  const auto gap = [&](int k) { return lowest[k] <= 1 && highest[k] >= 0 ? lowest[k] - highest[k] : nan; };
  return {(float)entropy, gap(0), gap(1)};
}

}  // namespace
}  // namespace ckl
