// One row of ckl with gamma 5 on its usual way, for counting instructions (budget.mjs): what the row kernel does for a
// warp whose loads are 16 bytes wide, without padding, and whose documents are neither positive nor at the top.
#include "../../cuda/rows.cuh"

namespace ckl {
namespace cuda {

template <int E>
__global__ void __launch_bounds__(kLanesThreads) usual_way(CKL_PARAMETER Task task) {
  const int64_t b = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / kWarp;
  Resident<CklVariant<5, false>, E, 4, Lanes, true> x(task, Lanes{kWarp}, Row{b, b * (kWarp * E), kWarp * E}, nullptr);
  float largest[2], sums[3];
  x.read(largest);
  x.softmax(largest);
  x.loss(sums);
  const Projection project(x.student, sums[1], sums[2], scale_of(task, 0).student, kLift);
  x.write(project, true);
  if (x.team.rank() == 0) task.out.per_query[b] = sums[0];
}

template __global__ void usual_way<8>(CKL_PARAMETER Task);
template __global__ void usual_way<16>(CKL_PARAMETER Task);
template __global__ void usual_way<32>(CKL_PARAMETER Task);

}  // namespace cuda
}  // namespace ckl
