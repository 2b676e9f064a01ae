// jsd: generalised Jensen-Shannon divergence. With the mixture m = beta p + (1 - beta) q,
//   beta sum p ln(p / m) + (1 - beta) sum q ln(q / m).
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct Jsd : Distribution {
  static constexpr Needs needs = Needs::document;
  static constexpr Cost cost{1.4, 0};
  // e^-104 = 0: the mixture then consists of the other distribution only.
  static constexpr float d_without_student = 104, d_without_teacher = -104;
  float mixture;  // the teacher's share
  static CKL_FN Jsd make(const Parameters& p) { return {{}, p.mixture}; }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    const V zero(0.0f), of_p(mixture), of_q = V(1.0f) - of_p;
    // With z = e^-|ln(p / q)|, the ratio of the smaller to the larger of p and q, m / (the larger) is the share of the
    // larger plus z times the share of the other.
    const auto more_p = x.d > zero;
    const V z = exp_minus(select(more_p, x.d, -x.d));
    const V larger = -ln(fma(select(more_p, of_q, of_p), z, select(more_p, of_p, of_q)));
    // Adding zero turns a product of -0 into +0, so that the gradient of padding is not -0.
    const V u = zero + (of_p * x.p) * select(more_p, larger, larger + x.d);
    const V h = zero + (of_q * x.mass) * select(more_p, larger - x.d, larger);
    return {u + h, h, u};
  }

  template <class M>
  CKL_FN M diverges(M positive, M /*has_teacher*/) const {
    return nowhere(positive);
  }
};

}  // namespace
}  // namespace ckl
