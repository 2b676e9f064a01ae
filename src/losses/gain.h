// Gains and discounts of DCG. Computed in double with basic arithmetic only, so that the bits are the same on every
// machine.
#pragma once
#include "number.h"

namespace ckl {
namespace {

// 2^x for x <= 0, accurate to the last digits of a double; 0 below 2^-1022.
CKL_FN double exp2_exact(double x) {
  if (!(x > -1022)) return x == x ? 0 : x;
  const int64_t n = int64_t(x - 0.5);  // truncation makes this the nearest integer
  const double r = (x - double(n)) * 0.6931471805599453;
  double p = 1;
  for (int k = 14; k > 0; k--) p = 1 + p * r / k;
  union {
    uint64_t u;
    double v;
  } scale;
  scale.u = uint64_t(1023 + n) << 52;
  return p * scale.v;
}

// log2 x for normal x > 0.
CKL_FN double log2_exact(double x) {
  union {
    double v;
    uint64_t u;
  } m;
  m.v = x;
  int64_t e = int64_t(m.u >> 52) - 1023;
  m.u = (m.u & 0xfffffffffffff) | uint64_t(1023) << 52;
  if (m.v > 1.4142135623730951) m.v *= 0.5, e++;
  const double f = (m.v - 1) / (m.v + 1), g = f * f;
  double sum = 0;
  for (int k = 25; k > 0; k -= 2) sum = sum * g + 1.0 / k;
  return double(e) + 2 * f * sum * 1.4426950408889634;
}

// 1 / log2(1 + place), place = 1, 2, ...; also for fractional places.
CKL_FN double discount(double place) { return 1 / log2_exact(1 + place); }

// (2^level - 1) 2^-top: gains scaled so that those up to the level `top` > 0 are at most 1. Differences of gains are
// taken without the 1, next to which levels far below 0 would be lost.
CKL_FN double gain_and_one(double level, double top) { return exp2_exact(level - top); }
CKL_FN double gain(double level, double top) { return gain_and_one(level, top) - exp2_exact(-top); }

}  // namespace
}  // namespace ckl
