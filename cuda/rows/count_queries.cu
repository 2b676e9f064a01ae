// The kernels that count the queries by which a mean divides.
#include "../launch/launch.h"
#include "count_queries.cuh"

namespace ckl {
namespace cuda {

RowKernel count_kernel(bool ordered) { return ordered ? count_ordered_queries : count_queries; }
}  // namespace cuda
}  // namespace ckl
