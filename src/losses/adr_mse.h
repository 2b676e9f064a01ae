// adrMse: approximate discounted rank MSE (arXiv 2405.07920): the mean over documents of (r_i - r'_i)^2 / log2(r_i + 1), with r
// the ranks by rel (equal ones share their mean) and r'_i = 1 + sum over j != i of sigmoid(steepness (s_j - s_i)).
// rel is the relevance if given, else the teacher's scores.
#pragma once
#include "document.h"
#include "gain.h"

namespace ckl {
namespace {

template <class V>
struct Step {
  V up, down;  // sigmoid(x), sigmoid(-x)
};

struct AdrMse {
  static constexpr Needs needs = Needs::document;
  static constexpr bool reads_ranks = false, rereads_scores = true, by_relevance = true;
  static constexpr int notes = 1;
  static constexpr Cost cost{70, 0.45};
  float steepness;

  // x: (s_j - s_i) / Ts. The extent to which j ranks above i, and i above j.
  template <class V>
  CKL_FN Step<V> step(V x) const {
    const V zero(0.0f), one(1.0f), a = V(steepness) * x;
    const auto right = a > zero;
    const V z = exp_minus(select(right, a, -a)), near = one / (one + z), far = z * near;
    return {select(right, near, far), select(right, far, near)};
  }
  // dL/ds_i of the pair, without the factor 2 / n, where c is (r - r') / log2(r + 1) of each document.
  template <class V>
  CKL_FN V pull(V x, V ci, V cj) const {
    const Step<V> s = step(x);
    return (V(steepness) * (ci - cj)) * (s.up * s.down);
  }
};

}  // namespace
}  // namespace ckl
