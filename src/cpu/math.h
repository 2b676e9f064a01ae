// e^-x, ln and ln1p for vectors of floats, and the flush-to-zero mode they run in.
#pragma once
#include "vec.h"

namespace ckl {
namespace {

CKL_FN V infinity() { return from_bits(splat(0x7f800000)); }

constexpr float kExpLimit = 87.0f;  // e^-87 is safely within the normal floats

// e^-x for 0 <= x <= 87, within 1.9 + x / 28 ulp (without fma: 1.9 + x); exactly 1 at 0.
//
// One constant for ln 2 is enough: its error, x * 2.8e-9, is a twentieth of the rounding error of x itself. The
// polynomial is minimax of degree 5 on |r| <= ln 2 / 2 with value 1 at 0.
//
// With a Lift, the result is exactly 2^Lift times as large, for x up to 87 + Lift ln 2.
template <int Lift = 0>
CKL_FN V exp_minus_in_range(V x) {
  const V shifter(12582912.0f - Lift);  // 1.5 * 2^23: puts the nearest integer into the low bits
  const V k = fma(x, V(1.44269504f), shifter);
  const V n = k - shifter;
  const V r = fma(n, V(-0.69314718056f), x);
  V p = fma(r, V(-8.2902720438e-3f), V(4.1898160582e-2f));
  p = fma(p, r, V(-1.6667638134e-1f));
  p = fma(p, r, V(4.9999147834e-1f));
  p = fma(p, r, V(-9.9999970631e-1f));
  p = fma(p, r, V(1.0f));
  return from_bits(bits(p) - shift_left<23>(bits(k)));
}

// e^-x for x >= 0; 0 beyond 87.
CKL_FN V exp_minus(V x) {
  const V limit(kExpLimit);
  return select(x > limit, V(0.0f), exp_minus_in_range(min(x, limit)));
}

// ln x for normal x > 0, within 0.9 ulp (without fma: 1.5); about -88 at 0.
CKL_FN V ln(V x) {
  const I e = shift_right<23>(bits(x) - splat(0x3f3504f3));
  const V f = from_bits(bits(x) - shift_left<23>(e)) - V(1.0f);  // sqrt(1/2) - 1 .. sqrt(2) - 1
  const V n = from_bits(e + splat(0x4b400000)) - V(12582912.0f);
  V p = fma(f, V(7.0376836292e-2f), V(-1.1514610310e-1f));
  p = fma(p, f, V(1.1676998740e-1f));
  p = fma(p, f, V(-1.2420140846e-1f));
  p = fma(p, f, V(1.4249322787e-1f));
  p = fma(p, f, V(-1.6668057665e-1f));
  p = fma(p, f, V(2.0000714765e-1f));
  p = fma(p, f, V(-2.4999993993e-1f));
  p = fma(p, f, V(3.3333331174e-1f));
  const V f2 = f * f, tail = fma(n, V(-2.12194440e-4f), p * f * f2);
  return fma(n, V(0.693359375f), f + fma(f2, V(-0.5f), tail));
}

// ln(1 + z) for z >= 0, within 1.3 ulp (without fma: 2), even for tiny z.
CKL_FN V ln1p(V z) {
  const V one(1.0f), u = one + z;
  return ln(u) + (z - (u - one)) / u;
}

// Flushes denormals to zero during its lifetime: q^gamma p underflows on peaked rows, and denormals make a run up to
// 1.6 times slower.
struct FlushDenormals {
  const FloatMode old = read_float_mode();
  FlushDenormals() { write_float_mode(old | kFlushDenormals); }
  ~FlushDenormals() { write_float_mode(old); }
};

}  // namespace
}  // namespace ckl
