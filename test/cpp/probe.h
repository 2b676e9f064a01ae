// The number conversions, elementary functions and checks of primitives of one instruction set, made reachable for tests.
#pragma once
#include <stdint.h>

#include "../../src/core/batch.h"

namespace ckl {
namespace test {

struct IsaCheck {
  const char* name;
  bool (*passes)();
};

struct Probe {
  const char* name;
  void (*widen)(Scores from, float* to, int64_t n);
  void (*narrow)(const float* from, MutableScores to, int64_t n);
  // n a multiple of 16. With denormals flushed, as in the kernels.
  void (*exp_minus)(const float* x, float* y, int64_t n);
  void (*exp_minus_in_range)(const float* x, float* y, int64_t n);
  void (*ln)(const float* x, float* y, int64_t n);
  void (*ln1p)(const float* x, float* y, int64_t n);
  const IsaCheck* checks;  // of its primitives
  int check_count;
};

}  // namespace test
}  // namespace ckl
