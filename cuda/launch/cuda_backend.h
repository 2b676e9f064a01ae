// The CUDA backend for arrays in host memory: checks them on the host, copies them in, enqueues the kernels and copies
// the results out.
#pragma once
#include "../../src/core/backend.h"

namespace ckl {
namespace cuda {

class CudaBackend : public Backend {
 public:
  // device: CUDA's device number.
  explicit CudaBackend(int device) : device_(device) {}

  std::unique_ptr<Workspace> workspace(int64_t docs) override;
  Status run(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
             const std::atomic<int32_t>* abort, Summary& summary) override;

 private:
  const int device_;
};

}  // namespace cuda
}  // namespace ckl
