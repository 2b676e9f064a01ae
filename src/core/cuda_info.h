// Whether a usable GPU is present, with the reason if not, and the backend for it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend.h"

namespace ckl {

struct CudaDevice {
  std::string name;
  std::string capability;  // "9.0"
  double memory;           // bytes
  bool compiles;           // the binary has no machine code for this GPU: the driver compiles the kernels on first use
};

struct CudaInfo {
  bool built = false;  // compiled with CUDA
  bool available = false;
  std::string reason;                           // why it is not available
  int runtime_version = 0, driver_version = 0;  // 13000 for 13.0
  std::vector<CudaDevice> devices;
};

CudaInfo cuda_info();

// The architecture that cuda_backend() runs on, such as "sm_90"; empty if CUDA is not available.
std::string cuda_target();
// The backend for arrays in host memory; null without CUDA.
std::shared_ptr<Backend> cuda_backend();

// CUDA's name and description of an error code.
struct CudaErrorText {
  std::string name, words;
};
CudaErrorText cuda_error_text(int code);

}  // namespace ckl
