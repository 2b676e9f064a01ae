#include "kernel_table.h"

#include <algorithm>
#include <iterator>

#include "../device/device_memory.h"

namespace ckl {
namespace cuda {

int classes_for(int fast, int capability, int64_t shortest, int64_t longest, RowClass (&out)[kMaxClasses]) {
  int count = 0;
  int64_t taken = -1;  // rows of up to this length have a class
  const auto add = [&](const RowClass* table, size_t size) {
    for (const RowClass* c = table; c != table + size && taken < longest; c++) {
      RowClass entry = *c;
      if (entry.elements > fast && entry.kind == TeamKind::lanes) continue;
      if (entry.cluster > 1 && capability < 90) {
        if (entry.elements > 0) continue;  // there, rows that do not fit on one multiprocessor are processed in sweeps
        entry.cluster = 1;
      }
      if (entry.longest <= taken) continue;
      taken = entry.longest;
      if (entry.longest >= shortest) out[count++] = entry;
    }
  };
  if (fast > 0) add(kFast, std::size(kFast));
  add(kGeneral, std::size(kGeneral));
  return count;
}

int capability_of(int device) {
  must(cudaSetDevice(device));
  cudaDeviceProp properties;
  must(cudaGetDeviceProperties(&properties, device));
  // The architecture of the code that any kernel of the binary has for this device: 90 if kernels use clusters.
  cudaFuncAttributes compiled = {};
  must(cudaFuncGetAttributes(&compiled, reinterpret_cast<const void*>(general_kernel(TeamKind::team))));
  return std::min(properties.major * 10 + properties.minor, compiled.ptxVersion);
}

}  // namespace cuda
}  // namespace ckl
