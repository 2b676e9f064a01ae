// lambdaNdcg: LambdaLoss with the weights of NDCG-Loss2++ (Wang et al., CIKM 2018): the mean over pairs with rel_i > rel_j of
//   (mu |D(d) - D(d + 1)| + |D(rank_i) - D(rank_j)|) |G_i - G_j| ln(1 + e^-(s_i - s_j)),
// where d = |rank_i - rank_j|, D(r) = 1 / log2(1 + r), G = (2^rel - 1) / ideal DCG@k, and a pair with neither document
// among the student's first k has weight 0. Ranks (equal scores in list order) and weights are constants for the
// gradient. rel is the relevance if given, else the teacher's scores over their temperature.
#pragma once
#include "gain.h"
#include "pair.h"

namespace ckl {
namespace {

struct LambdaNdcg {
  static constexpr Needs needs = Needs::gainful_pair;
  static constexpr bool reads_ranks = false, rereads_scores = true, by_relevance = true;
  static constexpr int notes = 1;
  static constexpr Cost cost{200, 0.05};
  float mu;

  // margin: (s_i - s_j) / Ts; near, far: the differences of discounts; gap: |G_i - G_j|.
  template <class V>
  CKL_FN Pair<V> operator()(V margin, V near, V far, V gap) const {
    const V zero(0.0f), weight = fma(V(mu), near, far) * gap;
    const Pair<V> pair = logistic(margin);
    const auto counts = weight > zero;
    return {select(counts, weight * pair.value, zero), select(counts, weight * pair.slope, zero)};
  }
};

}  // namespace
}  // namespace ckl
