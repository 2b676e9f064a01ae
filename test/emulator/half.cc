// Halves as the GPU converts them, for the emulator.
#include "device.h"

namespace ckl {
namespace cuda {

float widen_float16(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 31) return __uint_as_float(sign | 0x7f800000 | mantissa << 13);
  const float size = exponent ? ldexpf(float(1024 + mantissa), int(exponent) - 25) : ldexpf(float(mantissa), -24);
  return sign ? -size : size;
}

// Round to nearest even: nearbyint of the value in units of the last place.
uint16_t narrow_float16(float f) {
  const uint16_t sign = uint16_t(__float_as_uint(f) >> 16 & 0x8000);
  const float size = fabsf(f);
  if (isnan(f)) return uint16_t(sign | 0x7e00);
  if (size == 0) return sign;
  if (size >= 65520.0f) return uint16_t(sign | 0x7c00);
  int exponent = 0;
  frexpf(size, &exponent);  // size < 2^exponent
  const int unit = exponent - 11 < -24 ? -24 : exponent - 11;
  const uint32_t steps = uint32_t(nearbyintf(ldexpf(size, -unit)));
  return uint16_t(sign | (uint32_t(unit + 24) * 1024 + steps));
}

}  // namespace cuda
}  // namespace ckl
