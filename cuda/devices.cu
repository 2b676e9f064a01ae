// Which NVIDIA GPUs there are, asked of the statically linked CUDA runtime: works, and says why not, without a driver.
#include <cuda_runtime.h>

#include "../src/addon/cuda_info.h"

namespace ckl {

namespace {

std::string version(int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); }

std::string explain(cudaError_t error, const CudaInfo& info) {
  if (info.driver_version == 0) return "no NVIDIA driver is installed";
  if (error == cudaErrorInsufficientDriver)
    return "the NVIDIA driver supports CUDA " + version(info.driver_version) + ", this binary needs " +
           version(info.runtime_version) + ": update the driver";
  if (error == cudaErrorNoDevice) return "the NVIDIA driver sees no GPU (is CUDA_VISIBLE_DEVICES set?)";
  return std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error);
}

}  // namespace

CudaInfo cuda_info() {
  CudaInfo info;
  info.built = true;
  cudaRuntimeGetVersion(&info.runtime_version);
  cudaDriverGetVersion(&info.driver_version);
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) {
    info.reason = explain(error, info);
    cudaGetLastError();
    return info;
  }
  for (int i = 0; i < count; i++) {
    cudaDeviceProp p;
    if (cudaGetDeviceProperties(&p, i) != cudaSuccess) continue;
    info.devices.push_back({p.name, std::to_string(p.major) + "." + std::to_string(p.minor), double(p.totalGlobalMem)});
  }
  info.reason = "this version has no CUDA kernels: the losses run on the CPU";
  return info;
}

}  // namespace ckl
