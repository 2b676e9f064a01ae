// The kernels that do any plan and any row.
#include "../launch/launch.h"
#include "general_kernels.cuh"

namespace ckl {
namespace cuda {

RowKernel general_kernel(TeamKind kind) { return kind == TeamKind::lanes ? general_lanes : general_team; }

cudaError_t compiled_capability(int& capability) {
  cudaFuncAttributes attributes = {};
  const cudaError_t error = cudaFuncGetAttributes(&attributes, general_team);
  capability = attributes.ptxVersion;
  return error;
}

}  // namespace cuda
}  // namespace ckl
