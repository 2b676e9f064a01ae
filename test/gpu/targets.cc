// The target of the kernels' suites on a machine with a GPU: the first one, as it is.
#include <cstdio>
#include <cstdlib>

#include "../../cuda/launch/cuda_backend.h"
#include "../../src/core/cuda_info.h"
#include "../cpp/batch.h"

namespace ckl {
namespace test {

namespace {

// Keeps one workspace: recreating streams and pinned memory for each of many thousand batches would take most of the time.
class Kept : public Backend {
 public:
  std::unique_ptr<Workspace> workspace(int64_t) override { return std::unique_ptr<Workspace>(new Workspace); }
  Status run(const Plan& plan, const Batch& batch, const Outputs& out, Workspace&, const std::atomic<int32_t>* abort,
             Summary& summary) override {
    if (!workspace_) workspace_ = gpu_.workspace(0);
    return gpu_.run(plan, batch, out, *workspace_, abort, summary);
  }

 private:
  cuda::CudaBackend gpu_{0};
  std::unique_ptr<Workspace> workspace_;
};

std::shared_ptr<Backend> kept(const Target&, const Options&) {
  static const std::shared_ptr<Backend> backend = std::make_shared<Kept>();
  return backend;
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::string name = cuda_target();
  if (name.empty()) {
    std::fprintf(stderr, "no GPU: %s\n", cuda_info().reason.c_str());
    std::exit(2);
  }
  static const std::vector<Target> all = {{name.c_str(), kept, std::atoi(name.c_str() + 3)}};
  return all;
}

}  // namespace test
}  // namespace ckl

#ifndef CKL_EMULATE
namespace emulator {
// Suites ask for another order of threads and blocks. A GPU takes one of its own each time.
void seed(uint64_t) {}
}  // namespace emulator
#endif
