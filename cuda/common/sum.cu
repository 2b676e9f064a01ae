// Adds the partial sums of several GPUs in a fixed order, which gives the same bits on each.
#include "../../src/core/device.h"
#include "../launch/launch.h"
#include "scalar_load.cuh"

namespace ckl {
namespace cuda {
namespace {

constexpr unsigned kThreads = 256;

struct SumTask {
  const char* from;
  char* to;
  int64_t n, stride;
  int parts;
  ElementType type;
};

// Halves are added in float32 and rounded once.
// Registers at most: 40
__global__ void __launch_bounds__(kThreads) sum_parts(CKL_PARAMETER SumTask task) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < task.n; i += step) {
    if (task.type == ElementType::float64) {
      const double* const from = reinterpret_cast<const double*>(task.from);
      double sum = from[i];
      for (int part = 1; part < task.parts; part++) sum += from[part * task.stride + i];
      reinterpret_cast<double*>(task.to)[i] = sum;
    } else {
      const DType type = DType(int(task.type));
      float sum = load(task.from, type, i);
      for (int part = 1; part < task.parts; part++) sum += load(task.from, type, part * task.stride + i);
      store(task.to, type, i, sum);
    }
  }
}

}  // namespace

cudaError_t launch_sum(char* to, const char* from, int64_t n, int64_t stride, int parts, ElementType type,
                       cudaStream_t stream) {
  const int64_t wanted = (n + kThreads - 1) / kThreads;
  const unsigned blocks = unsigned(wanted < kMaxBlocks ? wanted : kMaxBlocks);
  return launch(sum_parts, {blocks, kThreads, 1, 0}, {from, to, n, stride, parts, type}, stream);
}

}  // namespace cuda
}  // namespace ckl
