// The instruction sets for which this binary has kernels, and which of them this machine can run.
#pragma once
#include <string>
#include <vector>

#include "kernel.h"

namespace ckl {
namespace cpu {

struct Target {
  const char* name;  // baseline, avx2, avx512, neon
  const Kernels* kernels;
};

// Best last; never empty.
const std::vector<Target>& targets();

// Finds a target by name, or the best one for an empty name; null if this machine cannot run it.
const Target* find_target(const std::string& name);

int hardware_threads();

}  // namespace cpu
}  // namespace ckl
