// The kernels that handle any plan and any row.
#include "../launch/launch.h"
#include "general_kernels.cuh"

namespace ckl {
namespace cuda {

RowKernel general_kernel(TeamKind kind) { return kind == TeamKind::lanes ? general_lanes : general_team; }

}  // namespace cuda
}  // namespace ckl
