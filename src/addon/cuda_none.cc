// Stand-ins for the CUDA functions in a binary compiled without CUDA.
#include "../core/device.h"
#include "../core/cuda_info.h"
#include "device.h"
#include "gpu_threads.h"

namespace ckl {

CudaInfo cuda_info() {
  CudaInfo info;
  info.reason = "this binary was compiled without CUDA: no nvcc was found when it was built";
  return info;
}

std::string cuda_target() { return ""; }

std::shared_ptr<Backend> cuda_backend() { return nullptr; }

CudaErrorText cuda_error_text(int) { return {}; }

std::shared_ptr<Device> open_device(int) { return nullptr; }

PointerInfo pointer_info(const void*, int) { return {MemoryKind::unknown, -1}; }

namespace addon {

void define_host_memory(Napi::Env, Napi::Object) {}

std::vector<Napi::ClassPropertyDescriptor<DeviceObject>> DeviceObject::copies() { return {}; }

// Unreachable: there is no backend to compute with.
void compute_beside(Napi::Env, std::unique_ptr<Task>) {}

}  // namespace addon

}  // namespace ckl
