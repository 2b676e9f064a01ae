// The targets of the CPU's tests: its instruction sets.
#include "batch.h"

namespace ckl {
namespace test {

const std::vector<Target>& targets() {
  static const std::vector<Target> all = [] {
    std::vector<Target> list;
    for (const cpu::Target& t : cpu::targets())
      list.push_back({t.name,
                      [](const Target& target, const Options& options) -> std::shared_ptr<Backend> {
                        return std::make_shared<cpu::CpuBackend>(cpu::targets()[size_t(target.index)],
                                                                 std::make_shared<cpu::Pool>(options.threads),
                                                                 options.threads);
                      },
                      int(list.size())});
    return list;
  }();
  return all;
}

}  // namespace test
}  // namespace ckl
