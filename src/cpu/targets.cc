#include "targets.h"

#include <thread>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ckl {
namespace cpu {

#if defined(__x86_64__)
// __builtin_cpu_supports of clang 14 does not know "f16c".
static bool has_f16c() {
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) != 0;
}

extern const Kernels kernels_baseline, kernels_avx2, kernels_avx512;
#elif defined(__aarch64__)
extern const Kernels kernels_neon;
#else
#error "ckl-loss has CPU kernels for x86-64 and arm64 only"
#endif

const std::vector<Target>& targets() {
  static const std::vector<Target> found = [] {
    std::vector<Target> list;
#if defined(__x86_64__)
    __builtin_cpu_init();
    list.push_back({"baseline", &kernels_baseline});
    // Features by name: clang 14 does not know "x86-64-v3".
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_f16c();
    if (avx2) list.push_back({"avx2", &kernels_avx2});
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      list.push_back({"avx512", &kernels_avx512});
#else
    list.push_back({"neon", &kernels_neon});
#endif
    return list;
  }();
  return found;
}

const Target* find_target(const std::string& name) {
  if (name.empty()) return &targets().back();
  for (const Target& t : targets())
    if (name == t.name) return &t;
  return nullptr;
}

int hardware_threads() {
  const unsigned n = std::thread::hardware_concurrency();
  return n ? int(n) : 1;
}

}  // namespace cpu
}  // namespace ckl
