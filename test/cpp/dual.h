// Dual numbers: a value and its derivative, carried through a loss written for any number type.
#pragma once
#include <cmath>

#include "../../src/losses/losses.h"

namespace ckl {
namespace {

struct Dual {
  long double v, d;
  Dual() = default;
  explicit Dual(float x) : v(x), d(0) {}
  Dual(long double value, long double derivative) : v(value), d(derivative) {}
};

inline Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
inline Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
inline Dual operator-(Dual a) { return {-a.v, -a.d}; }
inline Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
inline Dual operator/(Dual a, Dual b) { return {a.v / b.v, (a.d - a.v / b.v * b.d) / b.v}; }
inline bool operator>(Dual a, Dual b) { return a.v > b.v; }
inline Dual select(bool m, Dual a, Dual b) { return m ? a : b; }
inline Dual fma(Dual a, Dual b, Dual c) { return a * b + c; }
inline Dual exp_minus(Dual x) {
  const long double e = std::exp(-x.v);
  return {e, -x.d * e};
}
inline Dual ln(Dual x) { return {std::log(x.v), x.d / x.v}; }
inline Dual ln1p(Dual x) { return {std::log1p(x.v), x.d / (1 + x.v)}; }

}  // namespace
}  // namespace ckl
