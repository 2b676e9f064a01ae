// nll: negative log likelihood of the positives: the mean of -ln q over them. Reads no teacher.
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct Nll : Distribution {
  static constexpr Needs needs = Needs::positive;
  static constexpr bool reads_ln_q = true;
  static CKL_FN Nll make(const Parameters&) { return {}; }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    const V zero(0.0f);
    return {select(x.positive, x.share * x.minus_ln_q, zero), select(x.positive, -x.share, zero), zero};
  }

  template <class M>
  CKL_FN M diverges(M positive, M /*has_teacher*/) const {
    return positive;
  }
};

}  // namespace
}  // namespace ckl
