// float16 and bfloat16 by their definition, slowly: the value of a pattern, and the pattern nearest to a value.
#pragma once
#include <cstdint>

namespace ckl {
namespace test {

float float16_value(uint16_t half);
float bfloat16_value(uint16_t half);

// Nearest, ties to even; past the largest number: infinity. NaN keeps sign and leading payload bits, and becomes quiet.
uint16_t exact_float16(float value);
uint16_t exact_bfloat16(float value);

}  // namespace test
}  // namespace ckl
