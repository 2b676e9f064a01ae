// The fast kernels of ckl with gamma 5, as fast_select.cuh has them: what budget.mjs looks at on chips of which it does not compile the rest.
#include "../../cuda/rows/fast_select.cuh"

namespace ckl {
namespace cuda {

RowKernel gamma5_float32(TeamKind kind, int elements) {
  return fast_kernel_of<CklVariant<kGammaReal, false>, 4>(kind, elements);
}
RowKernel gamma5_half(TeamKind kind, int elements) {
  return fast_kernel_of<CklVariant<kGammaReal, false>, 8>(kind, elements);
}

}  // namespace cuda
}  // namespace ckl
