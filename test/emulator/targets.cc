// The targets of the emulator's tests: chips with clusters of blocks and without.
#include "../../cuda/launch/cuda_backend.h"
#include "../cpp/batch.h"
#include "runtime.h"

namespace ckl {
namespace test {

const std::vector<Target>& targets() {
  const auto make = [](const Target& target, const Options&) -> std::shared_ptr<Backend> {
    // One chip holds most batches of the tests at once; on the other, blocks take many rows in turn.
    emulator::pretend(target.index, target.index == 80 ? emulator::Limits{2, 1, 1} : emulator::Limits());
    return std::make_shared<cuda::CudaBackend>(0);
  };
  static const std::vector<Target> all = {{"sm_90", make, 90}, {"sm_80", make, 80}};
  return all;
}

}  // namespace test
}  // namespace ckl
