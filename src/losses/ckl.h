// ckl: contrastively-weighted KL divergence, the loss of "Weighted KL-Divergence for Document Ranking Model Refinement".
//
//   positives: (1 - q)^gamma p ln(p / q)        negatives: q^(gamma - beta) p ln(p / q)
//
// Both are w p d with w = b^e, where b is 1 - q or q. With w' = b^(e - 1):
//   h = -p (gamma q w' d + w) for a positive,   h = p w (e d - 1) for a negative.
#pragma once
#include "document.h"

namespace ckl {
namespace {

// How b^(gamma - 1) is computed: a power known when compiled, any whole gamma by a loop, any real gamma by exp and ln.
enum GammaKind { kGammaReal = -1, kGammaWhole = 0 };

template <int N, class V>
CKL_FN V power(V b) {
  if constexpr (N == 0) return V(1.0f);
  if constexpr (N == 1) return b;
  if constexpr (N >= 2) {
    const V half = power<N / 2>(b);
    if constexpr (N % 2 == 0) return half * half;
    if constexpr (N % 2 == 1) return half * half * b;
  }
}

template <class V>
CKL_FN V power(V b, int n) {
  V r(1.0f);
  for (; n > 0; n >>= 1, b = b * b)
    if (n & 1) r = r * b;
  return r;
}

// Gamma: 1, 2, ... compiled in, or a GammaKind. Biased: negatives carry a rank bias.
template <int Gamma, bool Biased>
struct Ckl {
  static constexpr Needs needs = Needs::positive;
  float gamma;
  int whole_minus_1;  // gamma - 1 for kGammaWhole

  template <class V>
  CKL_FN V power_minus_1(V b) const {
    if constexpr (Gamma > 0) return power<Gamma - 1>(b);
    if constexpr (Gamma == kGammaWhole) return power(b, whole_minus_1);
    if constexpr (Gamma == kGammaReal) return exp_minus(V(1.0f - gamma) * ln(b));
  }

  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    if constexpr (Gamma != kGammaReal && !Biased) {
      const V b = select(x.positive, x.rest, x.q);
      const V wp = power_minus_1(b) * x.p;  // w' p
      const V w = wp * b, value = w * x.d;  // w here and below is w p of the formulas
      return {value, fma(V(gamma), select(x.positive, -(x.q * wp) * x.d, value), -w), value + w};
    } else {
      const V e = Biased ? V(gamma) - x.beta : V(gamma);
      V w = exp_minus(e * x.minus_ln_q) * x.p;
      V slope = e * (w * x.d);
      if (any(x.positive)) {  // few: most blocks of documents skip this
        const V wp = power_minus_1(x.rest) * x.p;
        w = select(x.positive, wp * x.rest, w);
        slope = select(x.positive, V(-gamma) * ((x.q * wp) * x.d), slope);
      }
      const V value = w * x.d;
      return {value, slope - w, value + w};
    }
  }

  template <class M>
  CKL_FN M diverges(M positive, M has_teacher) const {
    return positive & has_teacher;
  }
};

}  // namespace
}  // namespace ckl
