// ckl: contrastively-weighted KL divergence, the loss of "Weighted KL-Divergence for Document Ranking Model Refinement".
//
//   positives: (1 - q)^gamma p ln(p / q)        negatives: q^(gamma - beta) p ln(p / q)
//
// Both are w p d with w = b^e, where b is 1 - q or q. With w' = b^(e - 1):
//   h = -p (gamma q w' d + w) for a positive,   h = p w (e d - 1) for a negative.
// With detach_weights, the weights are constants for the gradient: h = -w p.
#pragma once
#include "document.h"

namespace ckl {
namespace {

// How b^(gamma - 1) is computed: for a gamma known at compile time by multiplication, for other integers in a loop, for
// real numbers by exp and ln.
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

// Gamma: an exponent known at compile time (1, 2, ...), or a GammaKind. Biased: negatives have a rank bias.
template <int Gamma, bool Biased>
struct CklVariant : Distribution {
  static constexpr Needs needs = Needs::positive;
  static constexpr bool biased = Biased, reads_ln_q = Biased || Gamma == kGammaReal;
  float gamma;
  int whole_minus_1;  // gamma - 1 for kGammaWhole
  bool detached;
  static CKL_FN CklVariant make(const Parameters& p) {
    return {{}, p.gamma, Gamma == kGammaWhole ? (int)p.gamma - 1 : 0, p.detach_weights != 0};
  }

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
      V w = wp * b;                         // from here on w is w p of the formulas
      if constexpr (Gamma == 1) w = select(x.positive, w, (x.p * x.mass) * x.unit);  // q alone may underflow
      const V value = w * x.d;
      const V factor(detached ? -0.0f : gamma);  // once per row; adding -0 leaves -w unchanged
      return {value, fma(factor, select(x.positive, -(x.q * wp) * x.d, value), -w), value + w};
    } else {
      const V e = Biased ? V(gamma) - x.beta : V(gamma);
      // q^e as the square of q^(e/2), so that it does not underflow before it is multiplied by p.
      const V root = exp_minus(V(0.5f) * e * x.minus_ln_q);
      V w = (root * x.p) * root;
      V slope = e * (w * x.d);
      if (any(x.positive)) {  // rare: most blocks of documents skip this
        const V wp = power_minus_1(x.rest) * x.p;
        w = select(x.positive, wp * x.rest, w);
        slope = select(x.positive, V(-gamma) * ((x.q * wp) * x.d), slope);
      }
      const V value = w * x.d;
      return {value, detached ? -w : slope - w, value + w};
    }
  }

  template <class M>
  CKL_FN M diverges(M positive, M has_teacher) const {
    return positive & has_teacher;
  }
};

struct Ckl {
  static constexpr Needs needs = Needs::positive;
  static constexpr Cost cost{0.6, 0};
};

// Powers with integers up to this gamma are computed by multiplication; beyond, e^(gamma ln q) is as accurate and as
// fast.
constexpr float kLargestWholeGamma = 64;

CKL_FN bool is_whole(float gamma) { return gamma <= kLargestWholeGamma && gamma == (float)(int)gamma; }

template <class Visit>
void with_variant(Ckl, const Parameters& p, Visit visit) {
  const bool whole = is_whole(p.gamma);
  if (p.biased && whole) visit(CklVariant<kGammaWhole, true>());
  else if (p.biased) visit(CklVariant<kGammaReal, true>());
  else if (p.gamma == 1) visit(CklVariant<1, false>());
  else if (p.gamma == 2) visit(CklVariant<2, false>());
  else if (p.gamma == 5) visit(CklVariant<5, false>());
  else if (whole) visit(CklVariant<kGammaWhole, false>());
  else visit(CklVariant<kGammaReal, false>());
}

template <class Visit>
CKL_FN void with_compact_variant(Ckl, const Parameters& p, Visit visit) {
  const bool whole = is_whole(p.gamma);
  if (whole && p.biased) visit(CklVariant<kGammaWhole, true>());
  else if (whole) visit(CklVariant<kGammaWhole, false>());
  else visit(CklVariant<kGammaReal, true>());
}

}  // namespace
}  // namespace ckl
