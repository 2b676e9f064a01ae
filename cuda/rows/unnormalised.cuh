// Negatives of ckl without a rank bias, evaluated from exponentials instead of probabilities.
//
// Their terms are homogeneous in q, of degree gamma: with w = p q^gamma, h = w (gamma d - 1) and value = w d =
// (h + w) / gamma. So the student's normaliser multiplies the sums and the scale of the gradient, not every document,
// and of every document only w and h are computed. w is kept 2^(-6 gamma) times as large as p q^gamma is with lifted
// exponentials, so that the top has w = 64.
#pragma once
#include "fast_float.cuh"

namespace ckl {
namespace cuda {

constexpr float kLn2 = 0.69314718f;

// Other losses, and other variants, are evaluated from probabilities.
template <class F>
struct Unnormalised {
  static constexpr bool kAllowed = false;
};

// For gammas from 1, below which (h + w) / gamma cancels, to 16, beyond which w overflows (fast_select.cuh).
template <>
struct Unnormalised<CklVariant<kGammaReal, false>> {
  static constexpr bool kAllowed = true;

  float gamma, lower, slope, at_zero;  // h / w is a linear function of log2(p / q)
  float w = -0.0f, h = 0;              // sums over negatives; w before it is lowered
  float normaliser;                    // what both lack

  // ln_ratio: ln(p / q) where `gap` is 0. of_e: factor from the student's lifted exponential to q.
  CKL_DEVICE_MEMBER Unnormalised(const CklVariant<kGammaReal, false>& loss, float ln_ratio, float of_e)
      : gamma(loss.gamma), lower(exp2_fast(-6.0f * loss.gamma)) {
    slope = gamma * kLn2 * lower;
    at_zero = __builtin_fmaf(gamma, ln_ratio, -1.0f) * lower;
    const float base = of_e * 64.0f;
    normaliser = CKL_RARE(gamma != 5) ? exp2_fast(gamma * log2_fast(base)) : power<5>(base);
  }

  // h of a document with lifted exponentials 2^u of the student and 2^v of the teacher.
  CKL_DEVICE_MEMBER float add(float u, float v) {
    const float of_w = exp2_fast(__builtin_fmaf(u, gamma, v));
    const float of_h = of_w * __builtin_fmaf(v - u, slope, at_zero);
    w += of_w;
    h += of_h;
    return of_h;
  }
  CKL_DEVICE_MEMBER float value() const { return __builtin_fmaf(w, lower, h) * (normaliser * reciprocal_fast(gamma)); }
  CKL_DEVICE_MEMBER float sum_h() const { return h * normaliser; }
};

}  // namespace cuda
}  // namespace ckl
