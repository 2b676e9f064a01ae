// Lists NVIDIA GPUs through the statically linked CUDA runtime; without a driver, reports the reason.
#include "../../src/core/cuda_info.h"
#include <cuda_runtime.h>

#include <cstdlib>
#include <sstream>

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

// Whether the binary has machine code that runs on a chip: that of the same generation, no newer than the chip.
// CKL_CUDA_CODE: what it was compiled for, as CMake names it: "75-virtual 90-real 120".
bool has_machine_code(int major, int minor) {
#ifdef CKL_CUDA_CODE
  std::istringstream list(CKL_CUDA_CODE);
  for (std::string entry; list >> entry;) {
    const int number = std::atoi(entry.c_str());
    if (entry.find("-virtual") == std::string::npos && number / 10 == major && number % 10 <= minor) return true;
  }
  return false;
#else
  return major + minor > 0;
#endif
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
    info.devices.push_back({p.name, std::to_string(p.major) + "." + std::to_string(p.minor), double(p.totalGlobalMem),
                            !has_machine_code(p.major, p.minor)});
  }
  info.available = !info.devices.empty();
  if (!info.available) info.reason = "the GPUs do not answer";
  return info;
}

std::string cuda_target() {
  int device_count = 0;
  cudaDeviceProp properties;
  if (cudaGetDeviceCount(&device_count) != cudaSuccess || device_count == 0 ||
      cudaGetDeviceProperties(&properties, 0) != cudaSuccess) {
    cudaGetLastError();
    return "";
  }
  return "sm_" + std::to_string(properties.major * 10 + properties.minor);
}

CudaErrorText cuda_error_text(int code) {
  const cudaError_t error = static_cast<cudaError_t>(code);
  return {cudaGetErrorName(error), cudaGetErrorString(error)};
}

}  // namespace ckl
