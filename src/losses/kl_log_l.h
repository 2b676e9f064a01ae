// klLogL: KL divergence plus nll_weight times the negative log likelihood of the positives.
#pragma once
#include "kl.h"
#include "nll.h"

namespace ckl {
namespace {

struct KlLogL : Distribution {
  static constexpr Needs needs = Needs::positive;
  static constexpr bool reads_ln_q = true;
  float nll_weight;
  static CKL_FN KlLogL make(const Parameters& p) { return {{}, p.nll_weight}; }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    const Term<V> kl = Kl()(x), nll = Nll()(x);
    return {fma(V(nll_weight), nll.value, kl.value), fma(V(nll_weight), nll.h, kl.h), kl.u};
  }

  template <class M>
  CKL_FN M diverges(M positive, M has_teacher) const {
    return nll_weight > 0 ? positive | has_teacher : has_teacher;
  }
};

}  // namespace
}  // namespace ckl
