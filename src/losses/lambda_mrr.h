// lambdaMrr: the pairwise loss of CL-DRD (Zeng et al., SIGIR 2022): over pairs with rel_i > rel_j the mean of
// |1 / rank_i - 1 / rank_j| ln(1 + e^-(s_i - s_j)). The rank weights are constants for the gradient.
#pragma once
#include "document.h"

namespace ckl {
namespace {

template <class V>
struct Pair {
  V value;  // the pair's share of the loss
  V slope;  // -dL/ds_i = dL/ds_j, >= 0
};

struct LambdaMrr {
  static constexpr Needs needs = Needs::ordered_pair;
  // Wants the documents' ranks; reads scores of other documents while gradients are written.
  static constexpr bool reads_ranks = true, rereads_scores = true;

  // margin: (s_i - s_j) / Ts; weight: |1 / rank_i - 1 / rank_j|.
  template <class V>
  CKL_FN Pair<V> operator()(V margin, V weight) const {
    const V zero(0.0f), one(1.0f);
    const auto right = margin > zero;
    const V size = select(right, margin, -margin);
    const V z = exp_minus(size), inverse = one / (one + z);
    const V hinge = select(right, zero, size);
    return {weight * (hinge + ln1p(z)), weight * select(right, z * inverse, inverse)};
  }
};

}  // namespace
}  // namespace ckl
