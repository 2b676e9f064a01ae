// One row of ckl with gamma 5 on its usual way, for counting instructions (budget.mjs): what the row kernel does for a
// team of lanes whose loads are 16 bytes wide, without padding, and whose documents are neither positive nor at the top.
// Tests for what is rare are in, and end the thread.
#include "../../cuda/rows.cuh"

namespace ckl {
namespace cuda {

// E elements a thread, W lanes a row.
template <int E, int W>
__global__ void __launch_bounds__(kLanesThreads, 2) usual_way(CKL_PARAMETER Task task) {
  Lanes team{W};
  Row row = row_of(task.batch.rows, team.index());
  Resident<CklVariant<5, false>, E, 4, Lanes, true> x(task, team, row, nullptr);
  Tally tally = {0, 0};
  x.run(belongs(task, row), tally);
  task.partials[threadIdx.x] = {tally.loss, tally.counted};
}

template __global__ void usual_way<16, 32>(CKL_PARAMETER Task);
template __global__ void usual_way<32, 8>(CKL_PARAMETER Task);
template __global__ void usual_way<32, 32>(CKL_PARAMETER Task);

}  // namespace cuda
}  // namespace ckl
