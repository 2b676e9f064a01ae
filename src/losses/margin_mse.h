// marginMse: mean over positive x negative pairs of the squared difference of margins, in O(N) by moments.
//
// With e = s / Ts - t / Tt, its means m+ and m- and its variances v+ and v- over positives and negatives:
//   mean (e_j - e_i)^2 = v+ + v- + (m+ - m-)^2
//   dL/de_j = 2 (e_j - m-) / n+ for a positive,   2 (e_i - m+) / n- for a negative.
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct MarginMse {
  static constexpr Needs needs = Needs::positive_and_negative;
  static constexpr bool reads_ranks = false, rereads_scores = false, by_relevance = false;
  static constexpr int notes = 0;
  static constexpr Cost cost{0.6, 0};

  template <class V>
  CKL_FN V value(V variance_positive, V variance_negative, V mean_positive, V mean_negative) const {
    const V gap = mean_positive - mean_negative;
    return (variance_positive + variance_negative) + gap * gap;
  }

  // Gradient of a document with error e; `other` is the mean of the other side, `inverse` is 1 / (size of its own
  // side).
  template <class V>
  CKL_FN V slope(V e, V other, V inverse) const {
    return (V(2.0f) * inverse) * (e - other);
  }
};

}  // namespace
}  // namespace ckl
