// bkl: KL balanced by an entropy term on positives and an L1 term on negatives,
//   sum p ln(p / q) + lambda (sum over positives of q ln q + negative_weight sum over negatives of q).
//
// Its paper (Yang et al., ICTIR 2023) says only "entropy and L1-norm"; the form, and 1 / ln 2 for the weight of the L1 term,
// are those of the authors' training code, where it is a KL with two added terms.
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct Bkl : Distribution {
  static constexpr Needs needs = Needs::document;
  static constexpr bool reads_ln_q = true;
  float lambda, negative_weight;
  static CKL_FN Bkl make(const Parameters& p) { return {{}, p.lambda, p.negative_weight}; }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    const V lq = V(lambda) * x.mass, entropy = lq * x.minus_ln_q;  // -lambda q ln q
    const V l1 = V(negative_weight) * lq, kl = x.p * x.d;
    return {kl + select(x.positive, -entropy, l1), select(x.positive, lq - entropy, l1) - x.p, kl + x.p};
  }

  template <class M>
  CKL_FN M diverges(M /*positive*/, M has_teacher) const {
    return has_teacher;
  }
};

}  // namespace
}  // namespace ckl
