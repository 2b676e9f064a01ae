// One row of ckl with gamma 5 on its common path, for counting instructions (budget.mjs): what the row kernel does for a
// team of lanes whose loads are 16 bytes wide, without padding, and whose documents are neither positive nor at the top.
// Tests for what is rare are in, and end the thread.
static __device__ __forceinline__ bool exit_if(bool rare) {
  if (rare) {
    asm volatile("exit;");
    __builtin_unreachable();
  }
  return false;
}
#define CKL_RARE(condition) exit_if(condition)
#include "../../cuda/rows/fast_kernels.cuh"

namespace ckl {
namespace cuda {

// E elements a thread, W lanes a row.
template <int E, int W>
__global__ void __launch_bounds__(kLanesThreads, 2) common_path(CKL_PARAMETER Task task) {
  Lanes team{W};
  Row row = row_of(task.batch.rows, team.index());
  FastRow<CklVariant<5, false>, E, 4, Lanes> x(task, team, row, nullptr);
  RowTotal total = {0, 0};
  x.run(in_class(task, row), total);
  task.buffers.block_totals[threadIdx.x] = {total.loss, total.counted};
}

template __global__ void common_path<16, 32>(CKL_PARAMETER Task);
template __global__ void common_path<32, 8>(CKL_PARAMETER Task);
template __global__ void common_path<32, 32>(CKL_PARAMETER Task);

}  // namespace cuda
}  // namespace ckl
