// The probes that this machine can run, in the order of the targets.
#pragma once
#include <vector>

#include "../../src/cpu/targets.h"
#include "probe.h"

namespace ckl {
namespace test {

#if defined(__x86_64__)
extern const Probe probe_baseline, probe_avx2, probe_avx512;
#else
extern const Probe probe_neon;
#endif

inline std::vector<const Probe*> probes() {
#if defined(__x86_64__)
  std::vector<const Probe*> all = {&probe_baseline, &probe_avx2, &probe_avx512};
#else
  std::vector<const Probe*> all = {&probe_neon};
#endif
  all.resize(cpu::targets().size());
  return all;
}

}  // namespace test
}  // namespace ckl
