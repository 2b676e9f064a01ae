// The primitives of src/cpu/isa do the same on every instruction set.
#include <doctest/doctest.h>

#include <string>

#include "probes.h"

namespace ckl {
namespace test {

TEST_CASE("isa: every instruction set passes the one list of checks") {
  for (const Probe* probe : probes()) {
    CHECK(probe->check_count >= 12);
    for (int k = 0; k < probe->check_count; k++) {
      const std::string check = std::string(probe->name) + ": " + probe->checks[k].name;
      CHECK_MESSAGE(probe->checks[k].passes(), check);
    }
  }
}

}  // namespace test
}  // namespace ckl
