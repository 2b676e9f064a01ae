// The answer of a binary that was compiled without CUDA.
#include "cuda_info.h"

namespace ckl {

CudaInfo cuda_info() {
  CudaInfo info;
  info.reason = "this binary was compiled without CUDA: no nvcc was found when it was built";
  return info;
}

}  // namespace ckl
