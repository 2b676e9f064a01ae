// Questions to a chip, between the compiler of kernels and that of tests.
#pragma once
#include <vector>

namespace ckl {
namespace cuda {

constexpr int kLeastPower = -126, kMostPower = 127;

// 2^kLeastPower to 2^kMostPower by the special-function unit.
std::vector<float> powers_of_two();

}  // namespace cuda
}  // namespace ckl
