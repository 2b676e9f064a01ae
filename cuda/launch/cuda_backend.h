// The CUDA backend for arrays in host memory: checks them on the host, copies them in, enqueues the kernels and copies
// the results out.
#pragma once
#include "../../src/core/backend.h"

namespace ckl {
namespace cuda {

class KeptStates;

// Streams, pinned memory and scratch space outlive their workspace, and the next one has them.
class CudaBackend : public Backend {
 public:
  // device: CUDA's device number.
  explicit CudaBackend(int device);

  std::unique_ptr<Workspace> workspace(int64_t docs) override;
  void free_kept() override;
  Status run(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
             const std::atomic<int32_t>* abort, Summary& summary) override;

 private:
  const int device_;
  const std::shared_ptr<KeptStates> kept_;
};

}  // namespace cuda
}  // namespace ckl
