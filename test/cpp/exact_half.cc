#include "exact_half.h"

#include <cmath>
#include <cstring>

namespace ckl {
namespace test {

namespace {

struct Format {
  int exponent_bits, mantissa_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  int infinity() const { return ((1 << exponent_bits) - 1) << mantissa_bits; }
};
constexpr Format kFloat16 = {5, 10}, kBfloat16 = {8, 7};

uint32_t pattern(float value) {
  uint32_t u;
  std::memcpy(&u, &value, 4);
  return u;
}

// The number a pattern without sign stands for; for the pattern of infinity, the power of two that would come next.
double magnitude(int pattern, const Format& f) {
  const int exponent = pattern >> f.mantissa_bits, mantissa = pattern & ((1 << f.mantissa_bits) - 1);
  if (exponent == 0) return std::ldexp(mantissa, 1 - f.bias() - f.mantissa_bits);
  return std::ldexp((1 << f.mantissa_bits) + mantissa, exponent - f.bias() - f.mantissa_bits);
}

float value_of(uint16_t half, const Format& f) {
  const uint32_t sign = uint32_t(half & 0x8000) << 16;
  const int rest = half & 0x7fff;
  if (rest > f.infinity()) {
    const uint32_t nan = sign | 0x7fc00000 | uint32_t(rest & ((1 << f.mantissa_bits) - 1)) << (23 - f.mantissa_bits);
    float out;
    std::memcpy(&out, &nan, 4);
    return out;
  }
  const double x = rest == f.infinity() ? INFINITY : magnitude(rest, f);
  return float(sign ? -x : x);
}

// By bisection over the patterns, which are in order of size.
uint16_t nearest(float value, const Format& f) {
  const uint32_t u = pattern(value);
  const int sign = int(u >> 16 & 0x8000);
  if (std::isnan(value)) {
    const int mantissa = int(u >> (23 - f.mantissa_bits)) & ((1 << f.mantissa_bits) - 1);
    return uint16_t(sign | f.infinity() | 1 << (f.mantissa_bits - 1) | mantissa);
  }
  const double x = std::fabs(double(value));
  int below = 0, above = f.infinity();
  if (x >= magnitude(above, f)) return uint16_t(sign | above);
  while (above - below > 1) {
    const int middle = (below + above) / 2;
    (magnitude(middle, f) <= x ? below : above) = middle;
  }
  const double down = x - magnitude(below, f), up = magnitude(above, f) - x;
  return uint16_t(sign | (down < up || (down == up && below % 2 == 0) ? below : above));
}

}  // namespace

float float16_value(uint16_t half) { return value_of(half, kFloat16); }
float bfloat16_value(uint16_t half) { return value_of(half, kBfloat16); }
uint16_t exact_float16(float value) { return nearest(value, kFloat16); }
uint16_t exact_bfloat16(float value) { return nearest(value, kBfloat16); }

}  // namespace test
}  // namespace ckl
