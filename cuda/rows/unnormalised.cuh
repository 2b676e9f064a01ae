// Negatives of ckl with an integer gamma, evaluated from exponentials instead of probabilities.
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

template <int Gamma>
struct Unnormalised<CklVariant<Gamma, false>> {
  static constexpr bool kAllowed = Gamma > 1;
  static constexpr float kLower = 1.0f / float(1ull << (6 * (Gamma > 1 ? Gamma : 0)));

  float slope, at_zero;    // h / w is a linear function of log2(p / q)
  float w = -0.0f, h = 0;  // sums over negatives; w before it is lowered
  float normaliser;        // what both lack

  // ln_ratio: ln(p / q) where `gap` is 0. of_e: factor from the student's lifted exponential to q.
  CKL_DEVICE_MEMBER Unnormalised(float ln_ratio, float of_e)
      : slope(Gamma * kLn2 * kLower),
        at_zero(__builtin_fmaf(float(Gamma), ln_ratio, -1.0f) * kLower),
        normaliser(power<Gamma>(of_e * 64.0f)) {}

  // h of a document with lifted exponentials 2^u of the student and 2^v of the teacher.
  CKL_DEVICE_MEMBER float add(float u, float v) {
    const float of_w = exp2_fast(__builtin_fmaf(u, float(Gamma), v));
    const float of_h = of_w * __builtin_fmaf(v - u, slope, at_zero);
    w += of_w;
    h += of_h;
    return of_h;
  }
  CKL_DEVICE_MEMBER float value() const { return __builtin_fmaf(w, kLower, h) * (normaliser * (1.0f / Gamma)); }
  CKL_DEVICE_MEMBER float sum_h() const { return h * normaliser; }
};

}  // namespace cuda
}  // namespace ckl
