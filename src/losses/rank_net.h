// rankNet: the mean over pairs with rel_i > rel_j of ln(1 + e^-(s_i - s_j)) (Burges et al., ICML 2005), natural logarithm.
// rel is the relevance if given, else the teacher's scores.
#pragma once
#include "pair.h"

namespace ckl {
namespace {

struct RankNet {
  static constexpr Needs needs = Needs::preferred_pair;
  static constexpr bool reads_ranks = false, rereads_scores = true, by_relevance = true;
  static constexpr int notes = 0;
  static constexpr Cost cost{75, 0.5};

  // margin: (s_i - s_j) / Ts.
  template <class V>
  CKL_FN Pair<V> operator()(V margin) const {
    return logistic(margin);
  }
};

}  // namespace
}  // namespace ckl
