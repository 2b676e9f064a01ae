// What the kernels take for granted of a chip: asked of it by itself (probe_test.cc).
#include "probe.h"

#include "../../cuda/common/platform.cuh"
#include "../../cuda/device/device_memory.h"
#include "../../cuda/launch/launch.h"

namespace ckl {
namespace cuda {

namespace {

struct Probe {
  float* results;
};

// 2^x for all whole x of normal numbers.
__global__ void raise_two(CKL_PARAMETER Probe probe) {
  const int x = int(threadIdx.x) + kLeastPower;
  if (x <= kMostPower) probe.results[threadIdx.x] = exp2_fast(float(x));
}

}  // namespace

std::vector<float> powers_of_two() {
  std::vector<float> powers(size_t(kMostPower - kLeastPower + 1));
  DeviceBuffer memory;
  const Probe probe = {reinterpret_cast<float*>(memory.reserve(powers.size() * sizeof(float)))};
  must(launch(raise_two, {1, 256, 1, 0}, probe, nullptr));
  must(cudaMemcpyAsync(powers.data(), probe.results, powers.size() * sizeof(float), cudaMemcpyDeviceToHost, nullptr));
  must(cudaStreamSynchronize(nullptr));
  return powers;
}

}  // namespace cuda
}  // namespace ckl
