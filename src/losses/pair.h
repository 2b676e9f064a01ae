// The logistic loss of a margin, shared by the losses over pairs of documents.
#pragma once
#include "document.h"

namespace ckl {
namespace {

template <class V>
struct Pair {
  V value;  // the pair's share of the loss
  V slope;  // -dL/ds_i = dL/ds_j, >= 0
};

// ln(1 + e^-margin), and its slope.
template <class V>
CKL_FN Pair<V> logistic(V margin) {
  const V zero(0.0f), one(1.0f);
  const auto right = margin > zero;
  const V size = select(right, margin, -margin);
  const V z = exp_minus(size), inverse = one / (one + z);
  const V hinge = select(right, zero, size);
  return {hinge + ln1p(z), select(right, z * inverse, inverse)};
}

}  // namespace
}  // namespace ckl
