// The fast row kernels for batches of float32 scores.
#include "fast_select.cuh"

namespace ckl {
namespace cuda {

RowKernel fast_float32(const TaskTerm& term, TeamKind kind, int elements) {
  return fast_kernel<4>(term, kind, elements);
}

int parked_floats(const TaskTerm& term) {
  int floats = 0;
  visit_loss(term.loss, [&](auto loss) {
    if constexpr (decltype(loss)::family == Family::distribution) {
      with_kernel(typename decltype(loss)::type(), term.parameters, [&](auto functor) {
        typedef decltype(functor) F;
        floats = Unnormalised<F>::kAllowed ? 0 : F::reads_ln_q ? 2 : 1;
      });
    }
  });
  return floats;
}

}  // namespace cuda
}  // namespace ckl
