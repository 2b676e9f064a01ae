// What the kernels take for granted of a chip, in its first second.
#include <doctest/doctest.h>

#include <cmath>

#include "../cpp/batch.h"
#include "probe.h"

namespace ckl {
namespace test {
namespace {

TEST_CASE("probe: 2^x by the special-function unit is exact for whole x") {
  REQUIRE(!targets().empty());
  const std::vector<float> powers = cuda::powers_of_two();
  for (size_t k = 0; k < powers.size(); k++) CHECK(powers[k] == std::ldexp(1.0f, int(k) + cuda::kLeastPower));
}

}  // namespace
}  // namespace test
}  // namespace ckl
