// bkl: KL balanced by an entropy term on positives and an L1 term on negatives,
//   sum p ln(p / q) + lambda (sum over positives of q ln q + sum over negatives of q).
//
// A reconstruction: its paper (Yang et al., ICTIR 2023) says only "entropy and L1-norm"; this form reproduces every
// statement that the CKL paper makes of it in Figure 2.
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct Bkl {
  static constexpr Needs needs = Needs::document;
  static constexpr bool biased = false, reads_ln_q = true;
  float lambda;
  static CKL_FN Bkl make(const Parameters& p) { return {p.lambda}; }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    const V lq = V(lambda) * x.mass, entropy = lq * x.minus_ln_q;  // -lambda q ln q
    const V kl = x.p * x.d;
    return {kl + select(x.positive, -entropy, lq), select(x.positive, lq - entropy, lq) - x.p, kl + x.p};
  }

  template <class M>
  CKL_FN M diverges(M /*positive*/, M has_teacher) const {
    return has_teacher;
  }
};

}  // namespace
}  // namespace ckl
