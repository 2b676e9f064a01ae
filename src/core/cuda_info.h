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
  bool compiles;  // the binary has no machine code for it: its driver compiles the kernels when they are first used
};

struct CudaInfo {
  bool built = false;  // compiled with CUDA
  bool available = false;
  std::string reason;                           // why it is not available
  int runtime_version = 0, driver_version = 0;  // 13000 for 13.0
  std::vector<CudaDevice> devices;
};

CudaInfo cuda_info();

// The architecture that cuda_backend() runs on, "sm_90"; empty where CUDA is not available.
std::string cuda_target();
// For arrays in the host's memory; null without CUDA.
std::shared_ptr<Backend> cuda_backend();

// CUDA's own name of an error code, and its words for it.
struct CudaErrorText {
  std::string name, words;
};
CudaErrorText cuda_error_text(int code);

}  // namespace ckl
