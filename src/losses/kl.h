// kl: KL divergence of the student from the teacher, sum p ln(p / q).
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct Kl : Distribution {
  static constexpr Needs needs = Needs::document;
  static CKL_FN Kl make(const Parameters&) { return {}; }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    const V value = x.p * x.d;
    return {value, -x.p, value + x.p};
  }

  // The documents for which the loss is infinite if the student's probability is 0.
  template <class M>
  CKL_FN M diverges(M /*positive*/, M has_teacher) const {
    return has_teacher;
  }
};

}  // namespace
}  // namespace ckl
