// The kernels that do any plan and any row.
#include "launch.h"
#include "careful_rows.cuh"

namespace ckl {
namespace cuda {

RowKernel careful(Kind kind) { return kind == Kind::lanes ? careful_lanes : careful_team; }

cudaError_t compiled_capability(int& capability) {
  cudaFuncAttributes attributes = {};
  const cudaError_t error = cudaFuncGetAttributes(&attributes, careful_team);
  capability = attributes.ptxVersion;
  return error;
}

}  // namespace cuda
}  // namespace ckl
