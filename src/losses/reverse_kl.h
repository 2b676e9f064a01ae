// reverseKl: KL divergence of the teacher from the student, sum q ln(q / p).
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct ReverseKl : Distribution {
  static constexpr Needs needs = Needs::document;
  // dL/dq = ln(q / p) + 1. The 1 would add q to h, which cancels in the gradient h - q sum h. It is left out, which
  // makes h exact if q = p. If the teacher's probability is 0, ln(q / p) + 1 counts as 1 and the loss is infinite.
  static constexpr float h_less_q = 1, d_without_teacher = -1;
  static constexpr bool diverges_without_teacher = true;
  static CKL_FN ReverseKl make(const Parameters&) { return {}; }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    const V least(-1.2676506e30f);  // -2^100: below, h would overflow; the value may
    const V zero(0.0f);             // zero minus a product of 0 is +0, so that the gradient of padding is not -0
    return {zero - x.mass * x.d, zero - x.mass * select(x.d > least, x.d, least), zero - x.mass};
  }

  // 0 ln 0 = 0.
  template <class M>
  CKL_FN M diverges(M positive, M /*has_teacher*/) const {
    return nowhere(positive);
  }
};

}  // namespace
}  // namespace ckl
