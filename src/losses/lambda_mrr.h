// lambdaMrr: the pairwise loss of CL-DRD (Zeng et al., SIGIR 2022): over pairs with rel_i > rel_j the mean of
// |1 / rank_i - 1 / rank_j| ln(1 + e^-(s_i - s_j)). The rank weights are constants for the gradient.
#pragma once
#include "pair.h"

namespace ckl {
namespace {

// The rank from 1 / rank, exact for integers; 0 for an infinite rank.
template <class V>
CKL_FN V rank_behind(V inverse) {
  const V rank = V(1.0f) / inverse, without_fraction(8388608.0f);  // floats from here on have no fraction
  const V whole = (rank + without_fraction) - without_fraction;
  const V off = select(rank > whole, rank - whole, whole - rank);
  const V found = select(off > V(2e-7f) * rank, rank, whole);
  return select(inverse > V(0.0f), select(without_fraction > rank, found, rank), V(0.0f));
}

// |1 / a - 1 / b| of two ranks as |a - b| / (a b), which stays accurate if they are close. ia, ib: 1 / a, 1 / b.
template <class V>
CKL_FN V rank_gap(V a, V ia, V b, V ib) {
  const V zero(0.0f), difference = a - b, size = select(difference > zero, difference, -difference);
  return select(ia > zero, select(ib > zero, (size * ia) * ib, ia), ib);  // 1 / infinity contributes nothing
}

struct LambdaMrr {
  static constexpr Needs needs = Needs::ordered_pair;
  // Reads the documents' ranks; reads scores of other documents while gradients are written; follows the relevance if
  // given, else the teacher.
  static constexpr bool reads_ranks = true, rereads_scores = true, by_relevance = false;
  static constexpr int notes = 0;
  static constexpr Cost cost{1.5, 0.01};

  // margin: (s_i - s_j) / Ts; weight: |1 / rank_i - 1 / rank_j|.
  template <class V>
  CKL_FN Pair<V> operator()(V margin, V weight) const {
    const Pair<V> pair = logistic(margin);
    return {weight * pair.value, weight * pair.slope};
  }
};

}  // namespace
}  // namespace ckl
