// Whether there is a GPU to use, and if not, why not.
#pragma once
#include <string>
#include <vector>

namespace ckl {

struct CudaDevice {
  std::string name;
  std::string capability;  // "9.0"
  double memory;           // bytes
};

struct CudaInfo {
  bool built = false;  // compiled with CUDA
  bool available = false;
  std::string reason;                           // why it is not available
  int runtime_version = 0, driver_version = 0;  // 13000 for 13.0
  std::vector<CudaDevice> devices;
};

CudaInfo cuda_info();

}  // namespace ckl
