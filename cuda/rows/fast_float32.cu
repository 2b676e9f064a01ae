// The fast row kernels for batches of float32 scores.
#include "fast_select.cuh"

namespace ckl {
namespace cuda {

RowKernel fast_float32(const TaskTerm& term, TeamKind kind, int elements) {
  return fast_kernel<4>(term, kind, elements);
}

}  // namespace cuda
}  // namespace ckl
