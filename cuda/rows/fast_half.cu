// The fast row kernels for batches with bfloat16 or float16 scores.
#include "fast_select.cuh"

namespace ckl {
namespace cuda {

RowKernel fast_half(const TaskTerm& term, TeamKind kind, int elements) { return fast_kernel<8>(term, kind, elements); }

}  // namespace cuda
}  // namespace ckl
