// The kernels that do any plan and any row.
#include "launch.h"
#include "careful_rows.cuh"

namespace ckl {
namespace cuda {

RowKernel careful(Kind kind) {
  switch (kind) {
    case Kind::lanes: return careful_lanes;
    case Kind::block: return careful_team<Block>;
    case Kind::cluster: return careful_team<Cluster>;
  }
  return nullptr;
}

cudaError_t compiled_capability(int& capability) {
  cudaFuncAttributes attributes = {};
  const cudaError_t error = cudaFuncGetAttributes(&attributes, careful_team<Cluster>);
  capability = attributes.ptxVersion;
  return error;
}

}  // namespace cuda
}  // namespace ckl
